//! The Rust of `proto/` is committed, so that nobody needs a generator to build, and fresh.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::generated::must_write;

const FILES: [&str; 2] = [
    "authd/v1/auth.proto",
    "envoy/service/auth/v3/external_auth.proto",
];

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

/// Every file in a folder by its name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("lists the folder");
    let paths = entries.map(|entry| entry.expect("reads").path());
    paths
        .map(|path| {
            let name = path.file_name().expect("has a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("reads"))
        })
        .collect()
}

/// `make docs` runs this test with `AUTHD_REGENERATE=1`, which writes instead of comparing.
#[test]
fn the_rust_of_the_protocol_is_fresh() {
    let mut descriptors = protox::compile(FILES, [proto()]).expect("compiles");
    let folder = tempfile::tempdir().expect("makes a folder");
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .emit_rerun_if_changed(false)
        // Messages hold tokens, which nothing may print.
        .skip_debug(["."])
        .out_dir(folder.path())
        .include_file("mod.rs")
        .compile_fds(descriptors.clone())
        .expect("generates");
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    let binary = folder.path().join("descriptors.bin");
    fs::write(binary, descriptors.encode_to_vec()).expect("writes");

    let made = files(folder.path());
    let place = proto().join("generated");
    if must_write() {
        for (name, text) in &made {
            fs::write(place.join(name), text).expect("writes");
        }
        return;
    }
    let committed = files(&place);
    assert!(
        made == committed,
        "run 'make docs' and commit what it writes to proto/generated: {:?} {:?}",
        made.keys(),
        committed.keys()
    );
}

/// Whoever reads a `.proto` finds each service, method, message and field explained.
#[test]
fn every_field_of_the_protocol_is_documented() {
    let mut bare = Vec::new();
    let mut explained = 0;
    for file in FILES {
        let text = fs::read_to_string(proto().join(file)).expect("reads");
        let mut above = "";
        for line in text.lines() {
            let line = line.trim();
            let is_field =
                line.ends_with(';') && line.contains(" = ") && !line.starts_with("syntax");
            let is_named = ["message ", "service ", "rpc ", "enum ", "oneof "]
                .iter()
                .any(|word| line.starts_with(word));
            if is_field || is_named {
                explained += 1;
                if !above.starts_with("//") {
                    bare.push(format!("{file}: {line}"));
                }
            }
            above = line;
        }
    }
    assert!(explained > 50, "{explained}");
    assert!(bare.is_empty(), "not explained:\n{}", bare.join("\n"));
}

/// Security statement 39: `RUSTSEC-2024-0376` (an error of `accept` ended the server) and
/// `RUSTSEC-2026-0258` (empty DATA frames without end).
#[test]
fn the_lock_file_holds_no_release_with_a_known_hole_in_http_2() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).expect("reads");
    for (name, floor) in [("h2", [0, 4, 16]), ("tonic", [0, 12, 3])] {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let found: Vec<&str> = lock.split(&entry).skip(1).collect();
        assert!(!found.is_empty(), "{name} is in use");
        for rest in found {
            let version = rest.split('"').next().expect("ends");
            let numbers: Vec<u32> = version
                .split('.')
                .map(|part| part.parse().expect("is a number"))
                .collect();
            assert!(numbers >= floor.to_vec(), "{name} {version}");
        }
    }
}

//! The container image, without a container engine: its root file system is made as the Dockerfile says and
//! started as `docker run` would. `AUTHD_IMAGE_PROGRAM` names the program that is in it, as `make image`
//! builds it; otherwise it is the one of this build, which is too large to be weighed.

mod dockerfile;
mod machine;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use cluster::variable;
use serde_json::Value;
use tempfile::TempDir;

use crate::machine::{BuiltImage, Container, is_root, is_wanted};

const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// All files of the image, in bytes. Thirty megabytes were asked for.
const LARGEST: u64 = 30_000_000;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The image, and whether it is the one that is given away.
fn image() -> (BuiltImage, bool) {
    if let Some(program) = variable("AUTHD_IMAGE_PROGRAM") {
        return (BuiltImage::new(&repository(), Path::new(&program)), true);
    }
    let folder = tempfile::tempdir().expect("makes a folder");
    let program = folder.path().join("authd-container");
    let built = env!("CARGO_BIN_EXE_authd-container");
    let mut strip = Command::new("strip");
    let stripped = strip.arg("-o").arg(&program).arg(built).status();
    assert!(stripped.expect("there is a strip").success());
    (BuiltImage::new(&repository(), &program), false)
}

/// `docker run` with a superuser, until it is healthy.
fn running<'i>(image: &'i BuiltImage, volume: &TempDir, email: &str) -> Container<'i> {
    let given = [
        ("AUTHD_SUPERUSER_EMAIL", email),
        ("AUTHD_SUPERUSER_PASSWORD", PASSWORD),
    ];
    let mut container = image.run(volume.path(), &given);
    container.wait_until_healthy();
    container
}

#[track_caller]
fn text(out: Output) -> String {
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).expect("is UTF-8")
}

#[track_caller]
fn json(out: Output) -> Value {
    let text = text(out);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_image_holds_both_programs_and_what_they_need_and_nothing_else() {
    let (built, is_the_one) = image();
    let files = built.files();
    let names = files.iter().filter(|(name, _)| !name.ends_with('/'));
    let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    let (libraries, others): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| name.starts_with("/lib"));
    let expected = [
        "/etc/group",
        "/etc/passwd",
        "/etc/ssl/certs/ca-certificates.crt",
        "/usr/bin/authctl",
        "/usr/bin/authd",
    ];
    assert_eq!(others, expected);
    let known = ["ld-linux-", "libc.so.", "libgcc_s.so.", "libm.so."];
    for library in &libraries {
        let name = library.rsplit('/').next().expect("has a name");
        let is_known = known.iter().any(|known| name.starts_with(known));
        assert!(is_known, "{library} is new in the image: is it needed?");
    }
    assert_eq!(libraries.len(), known.len(), "{libraries:?}");
    assert!(files.contains(&("/data/".to_owned(), 0)), "{files:?}");
    let size: u64 = files.iter().map(|(_, size)| size).sum();
    for (name, size) in &files {
        println!("{size:>10} {name}");
    }
    println!("{size:>10} together");
    assert!(!is_the_one || size <= LARGEST, "the image has {size} bytes");
}

#[test]
fn a_container_serves_from_a_root_that_cannot_be_written() {
    if !is_wanted() {
        return;
    }
    let (built, _) = image();
    let volume = built.volume();
    let container = running(&built, &volume, EMAIL);
    let url = format!("http://127.0.0.1:{}", built.image.port);
    let get = |path: &str, header: &str| {
        let url = format!("{url}{path}");
        container.beside(&["curl", "--silent", "--fail", "--header", header, &url])
    };

    let schema = text(get("/api/schema", "Accept: */*"));
    assert!(schema.starts_with("openapi: 3.1"), "{schema:.80}");
    let body = format!(r#"{{"email": "{EMAIL}", "password": "{PASSWORD}"}}"#);
    let login = format!("{url}/auth/login");
    let header = "Content-Type: application/json";
    let login = [
        "curl", "--silent", "--fail", "--header", header, "--data", &body, &login,
    ];
    let grant = json(container.beside(&login));
    let token = grant["access_token"].as_str().expect("is a text");
    let verdict = json(get(
        "/auth/verify",
        &format!("Authorization: Bearer {token}"),
    ));
    assert_eq!(verdict["user"]["email"], EMAIL);
    assert_eq!(verdict["user"]["is_superuser"], true);

    // `docker exec`, with the configuration of the image.
    let listed = json(container.exec(&["authctl", "user", "list", "-o", "json"]));
    assert_eq!(listed["users"][0]["email"], EMAIL, "{listed}");
    // The record has the name of the image's account.
    let added = ["authctl", "group", "add", "billing"];
    text(container.exec(&added));
    let events = text(container.exec(&["authctl", "audit", "-o", "json"]));
    assert!(events.contains(r#""authd""#), "{events}");

    // On all addresses, as its user, and with a root that nobody can write.
    let sockets = text(container.beside(&["cat", "/proc/net/tcp"]));
    assert!(
        sockets.contains(" 00000000:1F40 00000000:0000 0A "),
        "{sockets}"
    );
    let place = built.root.join("proc/1/status");
    let status = text(container.beside(&["cat", place.to_str().expect("is UTF-8")]));
    let has = |line: &str| status.lines().any(|other| other == line);
    assert!(has("Name:\tauthd"), "{status}");
    assert_eq!(built.image.user, "10001:10001");
    // In a user namespace it is somebody else for whoever looks from outside.
    let ids = "10001\t10001\t10001\t10001";
    assert!(
        !is_root() || has(&format!("Uid:\t{ids}")) && has(&format!("Gid:\t{ids}")),
        "{status}"
    );
    assert!(has("CapEff:\t0000000000000000"), "{status}");
    let touch = built.root.join("usr/bin/other");
    let touched = container.beside(&["touch", touch.to_str().expect("is UTF-8")]);
    let why = String::from_utf8_lossy(&touched.stderr);
    assert!(why.contains("Read-only file system"), "{why}");
}

#[test]
fn a_container_ends_when_told_to_and_its_volume_serves_the_next_one() {
    if !is_wanted() {
        return;
    }
    let (built, _) = image();
    let volume = built.volume();
    let superusers = |container: &Container<'_>| {
        let list = ["authctl", "user", "list", "--superuser", "-o", "json"];
        let listed = json(container.exec(&list));
        let users = listed["users"].as_array().expect("is a list").clone();
        users
            .iter()
            .map(|user| user["email"].to_string())
            .collect::<Vec<_>>()
    };
    let first = running(&built, &volume, EMAIL);
    assert_eq!(superusers(&first), [format!("\"{EMAIL}\"")]);
    let (status, time) = first.stop();
    assert_eq!(status, Some(0));
    assert!(time < Duration::from_secs(10), "{time:?}");

    // The same variables, and others: there is a superuser, and it stays the only one.
    for email in [EMAIL, "other@example.com"] {
        let next = running(&built, &volume, email);
        assert_eq!(superusers(&next), [format!("\"{EMAIL}\"")]);
        assert_eq!(next.stop().0, Some(0));
    }
}

#[test]
fn what_compose_yaml_hands_in_is_a_configuration() {
    if !is_wanted() {
        return;
    }
    let text_of = |path: &str| std::fs::read_to_string(repository().join(path)).expect("reads");
    let compose: Value = yaml_serde::from_str(&text_of("compose.yaml")).expect("is YAML");
    let service = &compose["services"]["authd"];
    let variables = service["environment"].as_object().expect("is a map");
    // The secrets as the lines of the manual make them, on a volume: where they are is the engine's business.
    let (built, _) = image();
    let volume = built.volume();
    let secrets = volume.path().join("secrets");
    let manual = text_of("docs/container.md");
    let blocks = manual.split("<!-- a test runs these lines -->\n```sh\n");
    let lines: String = blocks
        .skip(1)
        .map(|block| block.split_once("```").expect("ends somewhere").0)
        .collect();
    assert!(lines.lines().count() > 5, "{lines}");
    let mut shell = Command::new("sh");
    let made = shell
        .args(["-euc", &lines])
        .current_dir(volume.path())
        .output();
    text(made.expect("starts"));
    let named = compose["secrets"].as_object().expect("is a map");
    for (name, secret) in named {
        assert_eq!(secret["file"], format!("secrets/{name}"));
        assert!(secrets.join(name).is_file(), "nothing makes {name}");
    }
    // The engine hands in the files, not their folder.
    let opened = Permissions::from_mode(0o755);
    std::fs::set_permissions(&secrets, opened).expect("opens the folder");
    let given: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().expect("is a text");
            (
                name.clone(),
                value.replace("/run/secrets/", "/data/secrets/"),
            )
        })
        .collect();
    let given: Vec<(&str, &str)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let shown = built.run_once(
        volume.path(),
        &given,
        &["authctl", "config", "show", "-o", "json"],
    );
    let shown = text(shown);
    assert!(
        shown.contains("postgres://authd@database:5432/authd"),
        "{shown}"
    );
    text(built.run_once(volume.path(), &given, &["authd", "config", "check"]));
}

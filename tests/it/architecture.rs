//! The house as it is drawn in ARCHITECTURE.md: arrows go down only, crates stay in their place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module with those it may use: what is below it, past a level if need be, never what is
/// beside or above it. `config` is an edge whose values the other edges take.
const ARROWS: [(&str, &[&str]); 14] = [
    ("bin", &["cli"]),
    (
        "cli",
        &[
            "config",
            "http",
            "grpc",
            "sockets",
            "service",
            "passwords",
            "tokens",
            "store",
            "domain",
        ],
    ),
    (
        "http",
        &[
            "config",
            "graphql",
            "sockets",
            "service",
            "passwords",
            "tokens",
            "store",
            "domain",
        ],
    ),
    (
        "grpc",
        &["config", "sockets", "service", "tokens", "store", "domain"],
    ),
    (
        "graphql",
        &[
            "config",
            "service",
            "passwords",
            "tokens",
            "store",
            "domain",
        ],
    ),
    (
        "config",
        &["service", "mail", "passwords", "tokens", "store", "domain"],
    ),
    ("sockets", &["config", "domain"]),
    (
        "service",
        &["mail", "passwords", "tokens", "store", "courier", "domain"],
    ),
    ("mail", &["domain"]),
    ("passwords", &["domain"]),
    ("tokens", &["domain"]),
    ("store", &["domain"]),
    ("courier", &["domain"]),
    ("domain", &[]),
];

/// Crates that are named in one module only.
const CRATES: [(&str, &[&str]); 34] = [
    ("clap", &["cli", "bin"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("dialoguer", &["cli"]),
    ("comfy_table", &["cli"]),
    ("indicatif", &["cli"]),
    ("csv", &["cli"]),
    ("rouille", &["http"]),
    ("hyper", &["http", "grpc"]),
    ("hyper_util", &["http", "grpc"]),
    ("http_body_util", &["http"]),
    ("tonic", &["grpc"]),
    ("tonic_health", &["grpc"]),
    ("tonic_reflection", &["grpc"]),
    ("tokio_stream", &["grpc", "store"]),
    ("prost", &["grpc"]),
    ("prost_types", &["grpc"]),
    ("tokio_rustls", &["http", "store", "courier"]),
    ("ureq", &["courier"]),
    ("async_graphql", &["graphql"]),
    ("async_graphql_value", &["graphql"]),
    ("futures_executor", &["graphql"]),
    ("rusqlite", &["store"]),
    ("postgres", &["store"]),
    ("tokio_postgres", &["store"]),
    ("r2d2", &["store"]),
    ("argon2", &["passwords"]),
    ("bcrypt", &["passwords"]),
    ("scrypt", &["passwords"]),
    ("md5", &["passwords"]),
    ("jsonwebtoken", &["tokens"]),
    ("lettre", &["mail"]),
    ("minijinja", &["mail"]),
    // The configuration, and the documents of `authctl apply`.
    ("toml", &["config", "cli"]),
];

/// Names that say nothing of what is in a module.
const NAMELESS: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

const MAX_LINES: usize = 400;

/// A source file of the library or of a program.
struct Source {
    /// Relative to `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The module at the top that it belongs to: `store` for `store/engine/sqlite.rs`.
    fn module(&self) -> &str {
        let first = self.path.components().next().expect("has a name");
        let name = first.as_os_str().to_str().expect("is UTF-8");
        name.trim_end_matches(".rs")
    }

    /// Its lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..);
        lines.filter_map(|(line, number)| {
            let code = line.split("//").next().unwrap_or_default();
            (!code.trim().is_empty()).then_some((number, code))
        })
    }

    fn place(&self, line: usize) -> String {
        format!("src/{}:{line}", self.path.display())
    }
}

fn sources() -> Vec<Source> {
    fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(folder).expect("lists the folder") {
            let path = entry.expect("reads").path();
            if path.is_dir() {
                collect(root, &path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("is UTF-8");
                let path = path.strip_prefix(root).expect("is below").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources were found");
    found
}

/// The names that follow `prefix` as a path: `crate::` in `crate::store::keys` gives `store`.
fn names_after<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    code.match_indices(prefix)
        .filter(|(at, _)| {
            let before = &code[..*at];
            !before.ends_with(is_part_of_a_name) && !before.ends_with("::")
        })
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            let end = rest.find(|letter| !is_part_of_a_name(letter));
            &rest[..end.unwrap_or(rest.len())]
        })
        .collect()
}

fn is_part_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether the code names this crate: `clap::`, `use clap;`.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let starts = !before.ends_with(is_part_of_a_name)
            && (!before.ends_with("::") || before.ends_with(" ::"));
        let is_path = after.starts_with("::");
        let is_use = before.trim_end().ends_with("use") && after.starts_with([';', ' ']);
        starts && (is_path || is_use)
    })
}

#[test]
fn arrows_go_down_only() {
    let mut wrong = Vec::new();
    for source in sources() {
        let module = source.module();
        if module == "lib" {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("src/{module} has no place in the picture"));
        for (line, code) in source.code() {
            let used = names_after(code, "crate::")
                .into_iter()
                .chain(names_after(code, "auth::"));
            for name in used {
                // A list of modules in braces has no name here: one path a line can be checked.
                let is_below = name == module || allowed.contains(&name);
                let is_own_macro = name.is_empty() && !code.contains("crate::{");
                if !is_below && !is_own_macro {
                    wrong.push(format!("{}: {module} -> {name}", source.place(line)));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows up or sideways:\n{}",
        wrong.join("\n")
    );
}

/// Climbing twice, or once from a module at the top, would go around the picture.
#[test]
fn nobody_climbs_out_of_a_module_by_super() {
    let mut wrong = Vec::new();
    for source in sources() {
        let is_top = source.path.components().count() == 2 && source.path.ends_with("mod.rs");
        let mut is_inner = false;
        for (line, code) in source.code() {
            is_inner |= code.contains("mod ") && code.trim_end().ends_with('{');
            let climbs_twice = code.contains("super::super") || code.contains("super::{super");
            if climbs_twice || (is_top && !is_inner && code.contains("super::")) {
                wrong.push(source.place(line));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "paths out of a module:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_crate_is_named_only_where_it_belongs() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources() {
        for (name, places) in CRATES {
            for (line, code) in source.code() {
                if names_crate(code, name) {
                    seen.insert(name);
                    if !places.contains(&source.module()) {
                        wrong.push(format!("{}: {name}", source.place(line)));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "crates out of place:\n{}",
        wrong.join("\n")
    );
    for name in [
        "clap", "rouille", "hyper", "tonic", "rusqlite", "argon2", "toml",
    ] {
        assert!(seen.contains(name), "{name} does its job somewhere");
    }
}

#[test]
fn time_randomness_and_the_environment_are_fetched_in_one_place_each() {
    let fetchers = [
        ("Timestamp::now", "service/system.rs"),
        ("SystemTime::now", "-"),
        ("rand::fill", "service/system.rs"),
        ("env::var", "config/environment.rs"),
        ("env::vars_os", "config/environment.rs"),
    ];
    for source in sources() {
        for (line, code) in source.code() {
            for (call, place) in fetchers {
                assert!(
                    !code.contains(call) || source.path == Path::new(place),
                    "{}: {call}",
                    source.place(line)
                );
            }
        }
    }
}

#[test]
fn programs_are_one_call_and_the_library_is_a_table_of_contents() {
    for source in sources() {
        match source.module() {
            "lib" => assert!(
                source
                    .code()
                    .all(|(_, code)| code.starts_with("pub mod ") && code.ends_with(';'))
            ),
            "bin" => assert!(source.text.lines().count() <= 15),
            _ => {}
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_on_some_screens() {
    for source in sources() {
        let place = source.place(1);
        assert!(source.text.starts_with("//! "), "{place} begins with //!");
        let lines = source.text.lines().count();
        assert!(lines <= MAX_LINES, "{place} has {lines} lines");
        let depth = source.path.components().count();
        assert!(depth <= 3, "{place}: folders are two deep at most");
    }
}

#[test]
fn modules_have_names_that_say_something() {
    for source in sources() {
        let mut parts = source.path.iter().map(|part| part.to_str().expect("UTF-8"));
        assert!(
            parts.all(|part| !NAMELESS.contains(&part.trim_end_matches(".rs"))),
            "{}",
            source.place(1)
        );
        for (line, code) in source.code() {
            for name in names_after(code, "mod ") {
                assert!(!NAMELESS.contains(&name), "{}", source.place(line));
            }
        }
    }
}

#[test]
fn nothing_is_left_to_do_and_no_error_is_called_other() {
    for source in sources() {
        for (line, code) in source.code() {
            for word in [
                "todo!",
                "unimplemented!",
                "dbg!",
                "#[allow(",
                "    Other(",
                "    Generic(",
            ] {
                assert!(!code.contains(word), "{}: {word}", source.place(line));
            }
        }
    }
}

/// The judges above see what they are to see.
#[test]
fn a_wrong_line_would_be_found() {
    assert_eq!(names_after("use crate::store::keys;", "crate::"), ["store"]);
    assert_eq!(
        names_after("f(crate::a::b, crate::c::d)", "crate::"),
        ["a", "c"]
    );
    assert_eq!(names_after("use crate::{store, http};", "crate::"), [""]);
    assert!(names_after("use somecrate::store;", "crate::").is_empty());
    assert!(names_after("use super::auth::v3;", "auth::").is_empty());
    assert!(names_crate("use hyper::Method;", "hyper"));
    assert!(names_crate("use clap;", "clap") && names_crate("use clap as c;", "clap"));
    assert!(names_crate("let x: rusqlite::Error", "rusqlite"));
    assert!(!names_crate("use hyper_util::rt;", "hyper"));
    assert!(!names_crate("super::toml::parse()", "toml"));
    assert!(!names_crate("\"clap is a crate\"", "clap"));
}

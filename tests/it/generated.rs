//! What is generated is committed, fresh and sound: manual pages, completions, the sample
//! configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth::cli::reference::{Generated, generate};
use auth::config::reference::KEYS;

use crate::env::TestEnv;

/// The folders in which every file is generated.
const FOLDERS: [&str; 2] = ["man", "completions"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `make docs` runs this test with `AUTHD_REGENERATE=1`, which writes instead of comparing.
#[test]
fn generated_files_are_fresh() {
    let files = generate();
    let stale = stale_files(&files);
    if must_write() {
        for path in &stale {
            fs::remove_file(root().join(path)).expect("removes a stale file");
        }
        for file in &files {
            let path = root().join(&file.path);
            fs::create_dir_all(path.parent().expect("is in a folder")).expect("makes the folder");
            fs::write(path, &file.text).expect("writes");
        }
        return;
    }
    let differing = files
        .iter()
        .filter(|file| {
            fs::read_to_string(root().join(&file.path)).ok().as_ref() != Some(&file.text)
        })
        .map(|file| file.path.clone());
    let wrong: Vec<String> = differing.chain(stale).collect();
    assert!(
        wrong.is_empty(),
        "run 'make docs' and commit what it writes; not fresh: {}",
        wrong.join(", ")
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "make says so to this test, not to a program"
)]
pub(crate) fn must_write() -> bool {
    std::env::var_os("AUTHD_REGENERATE").is_some_and(|value| value == "1")
}

/// Committed files that nothing generates any more.
fn stale_files(files: &[Generated]) -> Vec<String> {
    let known: BTreeSet<PathBuf> = files.iter().map(|file| PathBuf::from(&file.path)).collect();
    let committed = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(root().join(folder)).ok());
    committed
        .flatten()
        .map(|entry| entry.expect("reads the folder").path())
        .map(|path| path.strip_prefix(root()).expect("is below it").to_owned())
        .filter(|path| !known.contains(path))
        .map(|path| path.display().to_string())
        .collect()
}

fn page(name: &str) -> String {
    let files = generate();
    let file = files
        .into_iter()
        .find(|file| file.path == format!("man/{name}"));
    file.unwrap_or_else(|| panic!("there is no page {name}"))
        .text
}

#[test]
fn every_group_of_commands_has_a_page_with_every_section() {
    let pages = [
        "authctl.1",
        "authctl-apply.1",
        "authctl-audit.1",
        "authctl-client.1",
        "authctl-completions.1",
        "authctl-config.1",
        "authctl-createsuperuser.1",
        "authctl-db.1",
        "authctl-export.1",
        "authctl-field.1",
        "authctl-group.1",
        "authctl-import.1",
        "authctl-key.1",
        "authctl-migrate.1",
        "authctl-permission.1",
        "authctl-ping.1",
        "authctl-secret.1",
        "authctl-session.1",
        "authctl-token.1",
        "authctl-user.1",
        "authctl-webhook.1",
        "authd.8",
    ];
    for name in pages {
        let text = page(name);
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "\"EXIT STATUS\"",
            "FILES",
            "EXAMPLES",
            "\"SEE ALSO\"",
        ] {
            assert_eq!(
                text.matches(&format!("\n.SH {section}\n")).count(),
                1,
                "{name}: {section}"
            );
        }
    }
    let made = generate()
        .iter()
        .filter(|file| file.path.starts_with("man/"))
        .count();
    assert_eq!(made, pages.len() + 1);
}

#[test]
fn every_configuration_key_is_in_its_manual_page_and_in_the_sample() {
    let manual = page("authd.toml.5");
    let sample = include_str!("../../contrib/authd.toml");
    for key in KEYS {
        let entry = format!(".TP\n.B {}\n", key.name.replace('-', "\\-"));
        assert_eq!(manual.matches(&entry).count(), 1, "{}", key.name);
        let name = key.name.rsplit('.').next().expect("has a name");
        assert!(sample.contains(&format!("\n#{name} = ")), "{}", key.name);
    }
}

#[test]
fn pages_have_no_line_that_roff_takes_for_something_else() {
    let files = generate();
    for file in files.iter().filter(|file| file.path.starts_with("man/")) {
        for line in file.text.lines() {
            let request = line.strip_prefix(['.', '\'']);
            let known = request.is_none_or(|request| {
                let word = request.split(' ').next().unwrap_or_default();
                matches!(
                    word,
                    "TH" | "SH"
                        | "SS"
                        | "TP"
                        | "PP"
                        | "RS"
                        | "RE"
                        | "IP"
                        | "B"
                        | "I"
                        | "BR"
                        | "IR"
                        | "nf"
                        | "fi"
                        | "br"
                        | "nh"
                        | "ad"
                        | "ie"
                        | "el"
                )
            });
            assert!(known, "{}: {line}", file.path);
            assert!(!line.contains('`'), "{}: {line}", file.path);
        }
    }
}

/// With groff, if the machine has it.
#[test]
fn groff_has_nothing_to_complain_about() {
    let is_installed = Command::new("groff").arg("--version").output().is_ok();
    if !is_installed {
        eprintln!("groff is not installed: the pages were not typeset");
        return;
    }
    for file in generate()
        .iter()
        .filter(|file| file.path.starts_with("man/"))
    {
        let path = root().join(&file.path);
        let out = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww"])
            .arg(path)
            .output();
        let out = out.expect("groff runs");
        let complaints = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            out.status.success() && complaints.is_empty(),
            "{}: {complaints}",
            file.path
        );
    }
}

#[test]
fn completion_scripts_are_valid() {
    let env = TestEnv::new();
    for (shell, extension) in [("bash", "bash"), ("zsh", ""), ("fish", "fish")] {
        if Command::new(shell).arg("--version").output().is_err() {
            assert_ne!(shell, "bash", "the tests need bash");
            eprintln!("{shell} is not installed: its completions were not parsed");
            continue;
        }
        for program in ["authctl", "authd"] {
            let file = match extension {
                "" => format!("completions/_{program}"),
                extension => format!("completions/{program}.{extension}"),
            };
            let out = Command::new(shell)
                .arg("-n")
                .arg(root().join(&file))
                .output();
            let out = out.expect("the shell runs");
            assert!(out.status.success(), "{file}: {out:?}");
        }
    }
    for (shell, file) in [
        ("bash", "authctl.bash"),
        ("zsh", "_authctl"),
        ("fish", "authctl.fish"),
    ] {
        let out = env.authctl(&["completions", shell]).succeeded();
        let committed = fs::read_to_string(root().join("completions").join(file));
        assert_eq!(out.stdout, committed.expect("reads"));
    }
    assert_eq!(env.authctl(&["completions", "tcsh"]).status, 2);
    // Whoever reads a part of it has not broken anything.
    let line = format!(
        "set -o pipefail; {} completions bash | head -c 1",
        env!("CARGO_BIN_EXE_authctl")
    );
    let out = env.command("bash").args(["-c", &line]).output();
    let out = out.expect("the shell runs");
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
}

#[test]
fn bash_completes_commands_and_flags() {
    let script = "source completions/authctl.bash\n\
        COMP_WORDS=(authctl user dis); COMP_CWORD=2; _authctl authctl dis user\n\
        echo ${COMPREPLY[@]}\n\
        COMP_WORDS=(authctl user list --sup); COMP_CWORD=3; _authctl authctl --sup list\n\
        echo ${COMPREPLY[@]}";
    let out = Command::new("bash")
        .args(["--norc", "-c", script])
        .current_dir(root())
        .output()
        .expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&out.stdout),
        "disable\n--superuser\n",
        "{out:?}"
    );
}

#[test]
fn every_command_has_help_and_a_version() {
    let env = TestEnv::new();
    let mut commands: Vec<Vec<&str>> = vec![vec![]];
    for command in [
        "migrate",
        "createsuperuser",
        "user",
        "config",
        "ping",
        "completions",
    ] {
        commands.push(vec![command]);
    }
    let verbs = [
        "add", "list", "show", "set", "passwd", "enable", "disable", "delete",
    ];
    commands.extend(verbs.iter().map(|verb| vec!["user", verb]));
    commands.extend(["show", "check"].iter().map(|verb| vec!["config", verb]));
    let version = env!("CARGO_PKG_VERSION");
    for command in &commands {
        let out = env
            .authctl(&[&command[..], &["--help"]].concat())
            .succeeded();
        assert_eq!(out.stderr, "");
        let usage = format!(
            "Usage: {} ",
            [&["authctl"], &command[..]].concat().join(" ")
        );
        assert!(out.stdout.contains(&usage), "{command:?} {out:?}");
        let out = env
            .authctl(&[&command[..], &["--version"]].concat())
            .succeeded();
        assert!(
            out.stdout.starts_with("authctl") && out.stdout.ends_with(&format!(" {version}\n"))
        );
    }
    for command in [
        &[][..],
        &["serve"],
        &["healthcheck"],
        &["config"],
        &["config", "check"],
    ] {
        let out = env
            .authd_outcome(&[command, &["--help"]].concat())
            .succeeded();
        assert!(out.stdout.contains("Usage: authd"), "{out:?}");
        let out = env
            .authd_outcome(&[command, &["--version"]].concat())
            .succeeded();
        assert!(out.stdout.ends_with(&format!(" {version}\n")), "{out:?}");
    }
    assert_eq!(env.file_names(), Vec::<String>::new());
}

/// Help is one line, or shows how it is done.
#[test]
fn longer_help_has_an_example() {
    fn check(command: &clap::Command, path: &str) {
        let is_group = command.get_subcommands().next().is_some();
        let help = command.get_after_help().map(ToString::to_string);
        let has_example = help.is_some_and(|help| help.starts_with("Examples:\n  "));
        assert!(
            is_group || has_example || command.get_long_about().is_none(),
            "{path}"
        );
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }
    check(&auth::cli::authctl::command(), "authctl");
    check(&auth::cli::authd::command(), "authd");
}

/// The examples of the help are command lines that exist.
#[test]
fn examples_in_the_help_parse() {
    let env = TestEnv::new();
    let files = generate();
    let pages = files
        .iter()
        .filter(|file| file.path.ends_with(".1") || file.path.ends_with(".8"));
    let mut seen = 0;
    for page in pages {
        let (_, examples) = page
            .text
            .split_once(".SH EXAMPLES\n.nf\n")
            .expect("has examples");
        let (examples, _) = examples.split_once(".fi").expect("end");
        let text = examples
            .replace("\\-", "-")
            .replace("\\(aq", "'")
            .replace("\\\\\n", " ");
        for line in text.lines() {
            let words: Vec<&str> = line
                .split(['<', '>', '|'])
                .next()
                .expect("has a first part")
                .split_whitespace()
                .skip_while(|word| word.contains("_FILE="))
                .map(|word| word.trim_matches('\''))
                .collect();
            let (program, arguments) = words.split_first().expect("is a command");
            let arguments = [arguments, &["--help"]].concat();
            let out = match *program {
                "authctl" => env.authctl(&arguments),
                "authd" => env.authd_outcome(&arguments),
                other => panic!("{other}: {line}"),
            };
            assert_eq!(out.status, 0, "{line}: {out:?}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

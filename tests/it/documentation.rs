//! What the documentation says, done as it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auth::config::{Config, Environment, Flags, Layers, reference};
use serde_json::Value;

use crate::env::{PASSWORD, TestEnv, run};
use crate::terminal::Terminal;

const README: &str = include_str!("../../README.md");
/// What the README tells people to answer.
const README_PASSWORD: &str = "lantern over quiet harbours";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text between two marks, the first after `from`.
fn between<'t>(text: &'t str, from: &str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("has {from:?}"));
    let (_, rest) = rest
        .split_once(start)
        .unwrap_or_else(|| panic!("has {start:?}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("has {end:?}"))
        .0
}

/// The quick start's lines, with the programs of this build and the address of this daemon.
fn quick_start(url: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display().to_string();
    let lines = between(
        README,
        "<!-- quick start: a test runs these lines -->",
        "```sh\n",
        "```",
    );
    assert_eq!(lines.lines().count(), 5);
    assert!(lines.contains("./target/release/") && lines.contains("http://localhost:8000"));
    lines
        .replace("./target/release", &programs)
        .replace("http://localhost:8000", url)
}

#[test]
fn the_quick_start_of_the_readme_works_as_printed() {
    let env = TestEnv::new();
    let authd = env.authd();
    assert!(README.contains(&format!("`{README_PASSWORD}`")));
    let lines = format!("set -e\n{}", quick_start(&authd.url));
    let script = env.write("quick-start", &lines);
    let mut terminal = Terminal::shell(&env, &format!("bash {}", script.display()));
    terminal.answers("E-mail address:", "ada@example.com");
    for question in ["First name:", "Last name:", "Phone number (may be empty):"] {
        terminal.answers(question, "");
    }
    terminal.answers("Password:", README_PASSWORD);
    terminal.answers("Password (again):", README_PASSWORD);
    terminal.shows("Superuser created.");
    terminal.shows("{\"active\":true,");
    terminal.shows("\"email\":\"ada@example.com\"");
    terminal.shows("{\"keys\":[{");
    terminal.shows("\"openapi\": \"3.1");
    assert_eq!(terminal.ends().1.status, 0);
}

/// The lines of docs/keys.md, one block after the other.
#[test]
fn the_lines_about_keys_work_as_printed() {
    let env = TestEnv::new();
    let (authd, token) = env.signed_in();
    let lines = code_blocks(include_str!("../../docs/keys.md"), "sh").join("");
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = format!("set -e\nexport PATH={programs}:$PATH\n{lines}");
    let script = env.write("keys", &script);
    let mut command = env.command("bash");
    run(command.arg(script), "").succeeded();
    assert_eq!(authd.verify(&token).status, 401);
    let states = "SELECT state, count(*) FROM signing_keys GROUP BY state ORDER BY state";
    assert_eq!(env.sql(states), "active|1\nnext|1\nrevoked|1");
    let fresh = authd.login("ada@example.com", PASSWORD);
    assert_eq!(authd.verify(&fresh).status, 200);
}

/// The lines of docs/oauth.md, one block after the other, with the address of this daemon.
#[test]
fn the_lines_about_oauth_work_as_printed() {
    let env = TestEnv::new();
    let authd = env.authd();
    let blocks = code_blocks(include_str!("../../docs/oauth.md"), "sh").join("");
    let lines = blocks.replace("http://localhost:8000", &authd.url);
    assert_eq!(lines.matches(&authd.url).count(), 5);
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = format!("set -e\nexport PATH={programs}:/usr/bin:/bin\n{lines}");
    let script = env.write("oauth", &script);
    let out = run(env.command("bash").arg(script), "").succeeded();
    let answers: Vec<&str> = out.stdout.split("}{").collect();
    assert_eq!(answers.len(), 3, "{out:?}");
    assert!(
        answers[0].starts_with("{\"active\":true,\"scope\":\"read\""),
        "{out:?}"
    );
    assert_eq!(answers[1], "\"active\":false", "{out:?}");
    assert!(answers[2].contains("\"id\":\"billing\""), "{out:?}");
}

/// The lines of docs/fields.md, one block after the other.
#[test]
fn the_lines_about_own_fields_work_as_printed() {
    const PAGE: &str = include_str!("../../docs/fields.md");
    let env = TestEnv::new();
    let lines = code_blocks(PAGE, "sh").join("");
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = format!("set -e\nexport PATH={programs}:/usr/bin:/bin\n{lines}");
    let script = env.write("fields", &script);
    run(env.command("bash").arg(script), "").succeeded();
    let user = env
        .authctl_json(&["user", "show", "ada@example.com"])
        .json();
    let fields = serde_json::json!({"level": 1, "size": null, "unit": "research"});
    assert_eq!(user["fields"], fields);
    let refused = env.authctl(&[
        "user",
        "set",
        "ada@example.com",
        "--field",
        "level=9",
        "--field",
        "shoe_size=40",
    ]);
    assert_eq!(refused.status, 5);
    assert!(PAGE.contains(&refused.stderr), "{refused:?}");
}

/// The lines of docs/users.md, with the address of this daemon, and passwords where it has dots.
#[test]
fn the_lines_about_users_work_as_printed() {
    let env = TestEnv::new();
    for email in ["root@example.com", "ada@example.com", "bob@example.com"] {
        env.add_user(email, PASSWORD);
    }
    env.authctl(&["user", "set", "root@example.com", "--superuser", "true"])
        .succeeded();
    let authd = env.authd();
    let token = authd.login("root@example.com", PASSWORD);
    let blocks = code_blocks(include_str!("../../docs/users.md"), "sh").join("");
    let mut lines = blocks.replace("http://localhost:8000", &authd.url);
    for (name, password) in [("current", PASSWORD), ("new", README_PASSWORD)] {
        let dots = format!("\"{name}_password\": \"...\"");
        assert!(lines.contains(&dots), "{lines}");
        lines = lines.replace(&dots, &dots.replace("...", password));
    }
    // What is there already is told, and nothing else is wrong with it.
    let (before, after) = lines.split_once("--dry-run\n").expect("tries it first");
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = format!(
        "set -e\nexport PATH={programs}:/usr/bin:/bin TOKEN={token}\n\
        {before}--dry-run || test $? -eq 4\n{after}"
    );
    let script = env.write("users", &script.replace("curl -s", "curl -sf"));
    let out = run(env.command("bash").arg(script), "").succeeded();
    assert!(out.stdout.contains("4 unchanged"), "{out:?}");
    authd.login("root@example.com", README_PASSWORD);
    let shown = |email: &str| env.authctl_json(&["user", "show", email]).json();
    assert_eq!(
        shown("ada@example.com")["groups"],
        serde_json::json!(["billing"])
    );
    assert_eq!(shown("eve@example.com")["first_name"], "Eve");
}

/// The lines of docs/account-flows.md, with the address of this daemon.
#[test]
fn the_lines_about_account_flows_work_as_printed() {
    let env = TestEnv::new();
    let authd = env.authd();
    let blocks = code_blocks(include_str!("../../docs/account-flows.md"), "sh").join("");
    let lines = blocks.replace("http://localhost:8000", &authd.url);
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = format!("set -e\nexport PATH={programs}:/usr/bin:/bin\n{lines}");
    let script = env.write("account-flows", &script);
    let out = run(env.command("bash").arg(script), "").succeeded();
    assert!(out.stdout.contains("authd_reset_"), "{out:?}");
    assert!(out.stdout.contains("authd_confirm_"), "{out:?}");
    authd.login("ada@example.com", README_PASSWORD);
}

/// The script of docs/ci.md, with a free port.
#[test]
fn the_script_for_a_pipeline_works_as_printed() {
    const PAGE: &str = include_str!("../../docs/ci.md");
    let env = TestEnv::new();
    let blocks = code_blocks(PAGE, "sh");
    assert_eq!(blocks.len(), 1);
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = port.local_addr().expect("has one").to_string();
    drop(port);
    assert_eq!(blocks[0].matches("127.0.0.1:8000").count(), 1);
    let lines = blocks[0].replace("127.0.0.1:8000", &address);
    let programs = Path::new(env!("CARGO_BIN_EXE_authctl")).parent();
    let programs = programs.expect("is in a folder").display();
    let script = env.write(
        "ci",
        &format!("export PATH={programs}:/usr/bin:/bin\n{lines}"),
    );
    let out = run(env.command("bash").arg(&script), "").succeeded();
    for word in ["add", "billing.refund", "robot@example.com"] {
        assert!(out.stdout.contains(word), "{out:?}");
    }
    let exported = fs::read_to_string(env.path("users.jsonl")).expect("was exported");
    let user: Value = serde_json::from_str(&exported).expect("is one user");
    assert_eq!(user["groups"], serde_json::json!(["billing"]));
    let secrets = fs::read_to_string(env.path("secrets.json")).expect("were written");
    let secrets: Value = serde_json::from_str(&secrets).expect("is JSON");
    assert!(secrets["shop"].is_string(), "{secrets}");
}

/// The answer that the README prints has the keys of the real one, and what does not change from
/// day to day has its values.
#[test]
fn the_readme_shows_the_real_answer_of_verify() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", README_PASSWORD);
    let authd = env.authd();
    let answer = authd
        .verify(&authd.login("ada@example.com", README_PASSWORD))
        .body;
    let text = between(README, "## What a verify answers", "```json\n", "```");
    let shown: Value = serde_json::from_str(text).expect("is JSON");
    let keys = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .expect("is an object")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(keys(&shown), keys(&answer));
    assert_eq!(keys(&shown["user"]), keys(&answer["user"]));
    assert_eq!(keys(&shown["claims"]), keys(&answer["claims"]));
    assert_eq!(shown["max_age"], answer["max_age"]);
    let life = |claims: &Value| claims["exp"].as_i64().zip(claims["iat"].as_i64());
    let (exp, iat) = life(&shown["claims"]).expect("are numbers");
    let (real_exp, real_iat) = life(&answer["claims"]).expect("are numbers");
    assert_eq!(exp - iat, real_exp - real_iat);
}

/// The documents for those who run the programs.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).expect("lists docs/");
    let guides = docs
        .map(|entry| entry.expect("reads docs/").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name));
    top.into_iter()
        .chain(guides)
        .map(|path| {
            let text = fs::read_to_string(&path).expect("reads");
            (path, text)
        })
        .collect()
}

pub(crate) fn code_blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let start = format!("```{language}\n");
    text.split(&start)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn configuration_files_in_the_documents_are_good() {
    let env = TestEnv::new();
    let mut seen = 0;
    for (path, text) in documents() {
        for block in code_blocks(&text, "toml") {
            let file = env.write("example.toml", block);
            let flags = Flags {
                config: Some(file),
                ..Flags::default()
            };
            let layers = Layers::read(&flags, &Environment::default());
            let checked = layers.and_then(|layers| Config::from_layers(&layers));
            assert!(checked.is_ok(), "{}: {:?}", path.display(), checked.err());
            seen += 1;
        }
    }
    assert!(seen >= 1);
}

/// Code spans that look like keys or variables of ours are ones.
#[test]
fn keys_and_variables_that_the_documents_name_exist() {
    let sections = [
        "server",
        "database",
        "tokens",
        "passwords",
        "forward",
        "accounts",
        "mail",
        "log",
    ];
    let known: Vec<String> = reference::KEYS
        .iter()
        .map(reference::Key::variable)
        .collect();
    let mut seen = 0;
    for (path, text) in documents() {
        let spans = text.split('`').skip(1).step_by(2);
        let words = spans.flat_map(|span| span.split([' ', '\n', '=', '(', ')', ',']));
        for word in words {
            let is_key = sections.iter().any(|section| {
                let name = word
                    .strip_prefix(section)
                    .and_then(|rest| rest.strip_prefix('.'));
                name.is_some_and(|name| !name.is_empty())
            });
            let is_variable = sections
                .iter()
                .any(|section| word.starts_with(&format!("AUTHD_{}_", section.to_uppercase())));
            let variable = word.trim_end_matches("[_FILE]").trim_end_matches("_FILE");
            let exists = match (is_key, is_variable) {
                (true, _) => reference::find(word).is_some(),
                (_, true) => known.iter().any(|known| known == variable),
                _ => continue,
            };
            assert!(exists, "{}: {word}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// Every line of shell that calls one of the programs parses.
#[test]
fn command_lines_in_the_documents_parse() {
    let env = TestEnv::new();
    let mut seen = 0;
    for (path, text) in documents() {
        let blocks = code_blocks(&text, "sh");
        for line in blocks.iter().flat_map(|block| block.lines()) {
            let line = line.trim_start_matches("cd / && ");
            let line = line.trim_start_matches("sudo -u authd ");
            let line = line.trim_start_matches("./target/release/");
            let words = line.split_whitespace();
            let words: Vec<&str> = words.take_while(|word| !word.starts_with('#')).collect();
            let Some((program, arguments)) = words.split_first() else {
                continue;
            };
            let arguments = [arguments, &["--help"]].concat();
            let out = match *program {
                "authctl" => env.authctl(&arguments),
                "authd" => env.authd_outcome(&arguments),
                _ => continue,
            };
            assert_eq!(out.status, 0, "{}: {line}: {out:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (path, text) in documents() {
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.starts_with("http") || target.starts_with('#') {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = path.parent().expect("is in a folder").join(file);
            assert!(linked.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&linked).expect("reads");
                let has_heading = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| {
                        let title = line.trim_start_matches('#').trim().to_lowercase();
                        title.replace(' ', "-").replace([',', '.', '?', '\''], "") == anchor
                    });
                assert!(has_heading, "{}: {target}", path.display());
            }
        }
    }
}

/// Files of this repository that texts name, in `code`: those with a folder before them.
#[test]
fn files_that_the_documents_name_exist() {
    let architecture = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&architecture).expect("reads");
    let mut seen = 0;
    for (path, text) in documents().into_iter().chain([(architecture, text)]) {
        for name in text.split('`').skip(1).step_by(2) {
            let is_plain = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
            if !is_plain || !name.contains('/') || !name.contains(".rs") {
                continue;
            }
            let exists = root().join(name).exists() || root().join("src").join(name).exists();
            assert!(exists, "{}: {name}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen}");
}

/// `make install` with the real files; the programs stand in for their optimised build.
#[test]
fn make_install_puts_everything_in_its_place() {
    let env = TestEnv::new();
    let release = env.path("target").join("release");
    fs::create_dir_all(&release).expect("makes the folder");
    for program in ["authd", "authctl"] {
        fs::write(release.join(program), "#!/bin/sh\n").expect("writes");
    }
    let mut make = env.command("make");
    make.current_dir(root())
        .arg("install")
        .arg("PREFIX=/usr")
        .arg(format!("DESTDIR={}", env.path("stage").display()))
        .arg(format!("CARGO_TARGET_DIR={}", env.path("target").display()))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    run(&mut make, "").succeeded();

    let find = Command::new("find")
        .args([".", "-type", "f", "-printf", "%m %P\\n"])
        .current_dir(env.path("stage"))
        .output()
        .expect("find runs");
    let found = String::from_utf8(find.stdout).expect("is UTF-8");
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let mut expected = vec![
        "755 usr/bin/authctl".to_owned(),
        "755 usr/bin/authd".to_owned(),
        "644 usr/lib/systemd/system/authd.service".to_owned(),
    ];
    for file in auth::cli::reference::generate() {
        let name = file.path.rsplit('/').next().expect("has a name");
        let section = name.rsplit('.').next().expect("has a part");
        let place = match file.path.split('/').next() {
            Some("man") => format!("man/man{section}/{name}"),
            Some("contrib") => format!("doc/authd/{name}"),
            _ if name.starts_with('_') => format!("zsh/site-functions/{name}"),
            _ if section == "fish" => format!("fish/vendor_completions.d/{name}"),
            // bash looks for a file named as the command.
            _ => format!(
                "bash-completion/completions/{}",
                name.trim_end_matches(".bash")
            ),
        };
        expected.push(format!("644 usr/share/{place}"));
    }
    expected.sort_unstable();
    assert_eq!(found, expected);
    let unit = fs::read_to_string(env.path("stage/usr/lib/systemd/system/authd.service"));
    assert!(
        unit.expect("reads")
            .contains("\nExecStart=/usr/bin/authd serve\n")
    );
}

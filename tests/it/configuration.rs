//! Configuration: four layers, one file for both programs, and errors that say what would do.

use auth::config::reference::{KEYS, Key, Kind};
use auth::config::{Config, Environment, Flags, Layers};
use serde_json::{Value, json};

use crate::env::{Outcome, TestEnv, run};

/// Takes back what names a test's database on a server: an empty variable counts as none.
const UNSET: [(&str, &str); 1] = [("AUTHD_DATABASE_URL", "")];

const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// `authctl config show -o json` with these variables.
fn show(env: &TestEnv, flags: &[&str], variables: &[(&str, &str)]) -> Value {
    let arguments = [&["config", "show", "-o", "json"], flags].concat();
    let mut command = env.authctl_command(&arguments);
    run(command.envs(variables.iter().copied()), "")
        .succeeded()
        .json()
}

/// Both programs' `config check` with these variables: each must refuse, with the same sentence.
#[track_caller]
fn refused(env: &TestEnv, flags: &[&str], variables: &[(&str, &str)], sentence: &str) {
    let arguments = [&["config", "check"], flags].concat();
    let check = |mut command: std::process::Command| -> Outcome {
        run(command.envs(variables.iter().copied()), "")
    };
    let out = check(env.authctl_command(&[&arguments[..], &["-o", "json"]].concat()));
    out.refused(2, "usage", sentence);
    let out = check(env.authd_command(&arguments));
    assert_eq!(out.status, 2, "{out:?}");
    assert_eq!(
        (out.stdout.as_str(), out.stderr),
        ("", format!("authd: {sentence}\n"))
    );
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let env = TestEnv::new();
    let value = |flags: &[&str], variables: &[(&str, &str)]| {
        show(&env, flags, variables)["database.url"].clone()
    };
    let entry = |value: &str, from: &str| json!({"value": value, "from": from});
    let variable = [("AUTHD_DATABASE_URL", "sqlite:variable.db")];
    assert_eq!(value(&[], &UNSET), entry("sqlite:authd.db", "default"));
    env.write(
        "authd.toml",
        "# mine\n\n[database]\nurl = \"sqlite:file.db\"\n",
    );
    assert_eq!(value(&[], &UNSET), entry("sqlite:file.db", "authd.toml:4"));
    assert_eq!(
        value(&[], &variable),
        entry("sqlite:variable.db", "AUTHD_DATABASE_URL")
    );
    let flag = ["--database", "sqlite:flag.db"];
    assert_eq!(
        value(&flag, &variable),
        entry("sqlite:flag.db", "--database")
    );

    // What is shown is what happens.
    let mut command = env.authctl_command(&["migrate", "--database", "sqlite:flag.db"]);
    run(command.envs(variable), "").succeeded();
    assert_eq!(env.file_names(), ["authd.toml", "flag.db"]);
}

#[test]
fn listening_follows_the_same_order() {
    let env = TestEnv::new();
    let socket = |name: &str| format!("unix:{}", env.path(name).display());
    env.write(
        "authd.toml",
        &format!("server.listen = [\"{}\"]\n", socket("file")),
    );
    let greeting = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = env.authd_command(&[&["serve"], flags].concat());
        command.envs(variables.iter().copied());
        let mut authd = crate::env::Authd::start(command, &env.path("authd.log"));
        authd.signal("TERM");
        assert_eq!(authd.wait(std::time::Duration::from_secs(20)), 0);
        authd.greeting.clone()
    };
    let ready = |name: &str| format!("authd ready on {}", socket(name));
    let variable = socket("variable");
    let variables = [("AUTHD_SERVER_LISTEN", variable.as_str())];
    assert_eq!(greeting(&[], &[]), ready("file"));
    assert_eq!(greeting(&[], &variables), ready("variable"));
    let flags = ["--listen", &socket("one"), "--listen", &socket("two")];
    assert_eq!(
        greeting(&flags, &variables),
        format!("{} {}", ready("one"), socket("two"))
    );
}

#[test]
fn the_file_is_the_one_named_or_the_one_in_the_working_directory() {
    let env = TestEnv::new();
    for name in ["authd.toml", "variable.toml", "flag.toml"] {
        env.write(name, &format!("[tokens]\nissuer = \"{name}\"\n"));
    }
    let issuer = |flags: &[&str], variables: &[(&str, &str)]| {
        show(&env, flags, variables)["tokens.issuer"].clone()
    };
    let from = |name: &str| json!({"value": name, "from": format!("{name}:2")});
    let variable = [("AUTHD_CONFIG", "variable.toml")];
    assert_eq!(issuer(&[], &[]), from("authd.toml"));
    assert_eq!(issuer(&[], &variable), from("variable.toml"));
    assert_eq!(
        issuer(&["--config", "flag.toml"], &variable),
        from("flag.toml")
    );

    let sentence = "the configuration file 'missing.toml' cannot be read (No such file or directory (os error 2)): check its path and its permissions";
    refused(&env, &["--config", "missing.toml"], &[], sentence);
    refused(&env, &[], &[("AUTHD_CONFIG", "missing.toml")], sentence);
}

#[test]
fn a_variable_may_name_a_file_that_holds_the_value() {
    let env = TestEnv::new();
    let issuer = env.write("issuer", "https://auth.example.com\n");
    let issuer = issuer.to_str().expect("is UTF-8");
    let shown = show(&env, &[], &[("AUTHD_TOKENS_ISSUER_FILE", issuer)]);
    assert_eq!(
        shown["tokens.issuer"],
        json!({"value": "https://auth.example.com", "from": "AUTHD_TOKENS_ISSUER_FILE"})
    );
    refused(
        &env,
        &[],
        &[("AUTHD_TOKENS_ISSUER_FILE", "missing")],
        "AUTHD_TOKENS_ISSUER_FILE: the file 'missing' cannot be read (No such file or directory (os error 2)): check its path and its permissions",
    );
    // The secret's file is used as it is, and made there when it is missing.
    let key = env.path("elsewhere.key");
    let key = key.to_str().expect("is UTF-8");
    drop(env.authd_with(&[], &[("AUTHD_SECRET_KEY_FILE", key)]));
    assert!(env.file_names().contains(&"elsewhere.key".to_owned()));
    assert!(!env.file_names().contains(&"authd.key".to_owned()));
}

/// A path that was mistaken must not take the machine's memory.
#[test]
fn a_file_without_an_end_is_refused_and_not_read_to_it() {
    let env = TestEnv::new();
    let endless = "/dev/zero";
    let why = "cannot be read (it holds more than 1 MiB): check its path and its permissions";
    let sentence = format!("the configuration file '{endless}' {why}");
    refused(&env, &["--config", endless], &[], &sentence);
    let both = [
        ("AUTHD_TOKENS_ISSUER", "https://auth.example.com"),
        ("AUTHD_TOKENS_ISSUER_FILE", "missing"),
    ];
    refused(
        &env,
        &[],
        &both,
        "AUTHD_TOKENS_ISSUER and AUTHD_TOKENS_ISSUER_FILE are both set: keep one of them",
    );
    let sentence = format!("AUTHD_TOKENS_ISSUER_FILE: the file '{endless}' {why}");
    refused(
        &env,
        &[],
        &[("AUTHD_TOKENS_ISSUER_FILE", endless)],
        &sentence,
    );
    env.authctl(&["migrate"]).succeeded();
    let out = env.authd_refusal(&[], &[("AUTHD_SECRET_KEY_FILE", endless)]);
    assert_eq!(out.status, 1, "{out:?}");
    let words = "the secret key file '/dev/zero' does not hold 64 hexadecimal digits";
    assert!(out.stderr.contains(words), "{out:?}");

    // As long as allowed, and one more.
    let text = |bytes: usize| format!("#{}\n", " ".repeat(bytes - 2));
    env.write("authd.toml", &text(1024 * 1024));
    env.authctl(&["config", "check"]).succeeded();
    env.write("authd.toml", &text(1024 * 1024 + 1));
    refused(
        &env,
        &[],
        &[],
        &format!("the configuration file 'authd.toml' {why}"),
    );
}

#[test]
fn an_unknown_key_is_told_the_nearest_one() {
    let env = TestEnv::new();
    let cases = [
        (
            "[server]\nlistn = [\"127.0.0.1:1\"]",
            2,
            "server.listn",
            "server.listen",
        ),
        ("[servre]\n", 1, "servre", "server.listen"),
        ("database = \"sqlite:a.db\"", 1, "database", "database.url"),
        (
            "\n\n[passwords]\n\nminimum_length = 12",
            5,
            "passwords.minimum_length",
            "passwords.min_length",
        ),
        ("[[server]]\nlisten = []", 1, "server", "server.listen"),
    ];
    for (text, line, key, nearest) in cases {
        env.write("authd.toml", text);
        let sentence = format!(
            "authd.toml:{line}: '{key}' is not a configuration key: did you mean '{nearest}'?"
        );
        refused(&env, &[], &[], &sentence);
    }
}

#[test]
fn an_unknown_variable_of_a_section_is_told_the_nearest_one() {
    let env = TestEnv::new();
    for (name, nearest) in [
        ("AUTHD_SERVER_LISTN", "AUTHD_SERVER_LISTEN"),
        ("AUTHD_PASSWORDS_MIN_LENGHT", "AUTHD_PASSWORDS_MIN_LENGTH"),
        ("AUTHD_SECRET_KEYFILE", "AUTHD_SECRET_KEY_FILE"),
        ("AUTHD_SESSIONS_IDEL", "AUTHD_SESSIONS_IDLE"),
        ("AUTHD_FORWARD_COOKEY", "AUTHD_FORWARD_COOKIE"),
    ] {
        let sentence =
            format!("{name}: this is not a configuration key: did you mean '{nearest}'?");
        refused(&env, &[], &[(name, "1")], &sentence);
    }
    // Other programs' variables are none of our business, nor are those without a section.
    let others = [("AUTHD_PORT", "tcp://10.0.0.1:8000"), ("SERVER_LISTN", "1")];
    show(&env, &[], &others);
}

#[test]
fn a_variable_that_is_no_text_is_not_taken_for_an_absent_one() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = std::ffi::OsStr::from_bytes(b"sqlite:x\xff.db");
    let env = TestEnv::new();
    for name in ["AUTHD_DATABASE_URL", "DJANGO_SUPERUSER_PASSWORD"] {
        let mut command = env.authctl_command(&["config", "check", "-o", "json"]);
        let out = run(command.env(name, bytes), "");
        let sentence = format!("{name}: the value of this variable is not UTF-8");
        out.refused(2, "usage", &sentence);
    }
    let mut command = env.authctl_command(&["config", "check"]);
    run(command.env("OTHER", bytes), "").succeeded();
}

#[test]
fn a_value_that_does_not_fit_is_told_with_its_place_and_what_is_allowed() {
    let env = TestEnv::new();
    let header = "a size from 8KiB to 1MiB is allowed";
    let timeout = "a duration from 1s to 5m is allowed";
    let headers = "a whole number from 8 to 1000 is allowed";
    let cases = [
        ("server.header_timeout", "\"10 parsecs\"", format!("'10 parsecs' does not fit: {timeout}")),
        ("server.header_timeout", "\"10\"", format!("'10' has no unit, write it as in \"10s\": {timeout}")),
        ("server.header_timeout", "10", format!("'10' has no unit, write it as in \"10s\": {timeout}")),
        ("server.header_timeout", "\"999ms\"", format!("'999ms' does not fit: {timeout}")),
        ("server.header_timeout", "\"301s\"", format!("'301s' does not fit: {timeout}")),
        ("server.header_timeout", "\"-5s\"", format!("'-5s' does not fit: {timeout}")),
        ("server.max_header_size", "\"64\"", format!("'64' has no unit, write it as in \"64KiB\": {header}")),
        ("server.max_header_size", "\"8191B\"", format!("'8191B' does not fit: {header}")),
        ("server.max_header_size", "\"1025KiB\"", format!("'1025KiB' does not fit: {header}")),
        ("server.max_headers", "7", format!("'7' does not fit: {headers}")),
        ("server.max_headers", "1001", format!("'1001' does not fit: {headers}")),
        ("server.max_headers", "-1", format!("'-1' does not fit: {headers}")),
        ("server.max_headers", "8.5", "this kind of value does not fit: a whole number from 8 to 1000 is needed".into()),
        ("server.max_headers", "true", "this kind of value does not fit: a whole number from 8 to 1000 is needed".into()),
        ("server.header_timeout", "[\"10s\"]", "this kind of value does not fit: a duration from 1s to 5m is needed".into()),
        ("server.public_url", "8000", "this kind of value does not fit: a text is needed".into()),
        ("server.cors_origins", "[\"*\"]", "'*' is no origin: write https://host or https://host:port, each by its name and without a path".into()),
        ("server.public_url", "\"ftp://a\"", "'ftp://a' is no URL: write http(s)://host[:port][/path]".into()),
        ("server.listen", "[8000]", "this kind of value does not fit: a list of texts is needed".into()),
        ("server.listen", "[]", "the list is empty: name at least one address, as in 127.0.0.1:8000".into()),
        ("server.listen", "[\"localhost\"]", "'localhost' is no address: write 127.0.0.1:8000, [::1]:8000 or unix:/run/authd/authd.sock".into()),
        ("log.level", "\"loud\"", "'loud' does not fit: one of error, warn, info, debug, trace is allowed".into()),
        ("tokens.claims", "[\"password\"]", "'password' is not a claim; known are email, first_name, last_name, phone_number, is_staff, is_superuser, groups, permissions and fields.NAME".into()),
        ("database.url", "\"mysql://a\"", "'mysql:...' names no database: write sqlite:PATH, as in sqlite:authd.db, or postgres://USER:PASSWORD@HOST:PORT/NAME".into()),
    ];
    for (key, value, problem) in cases {
        let (section, name) = key.split_once('.').expect("is in a section");
        env.write(
            "authd.toml",
            &format!("# a comment\n[{section}]\n{name} = {value}\n"),
        );
        refused(
            &env,
            &[],
            &UNSET,
            &format!("authd.toml:3: {key}: {problem}"),
        );
    }
    env.write("authd.toml", "secret_key = \"abc\"");
    let sentence = "authd.toml:1: secret_key: the value does not hold 64 hexadecimal digits: make such a secret with 'openssl rand -hex 32'";
    refused(&env, &[], &[], sentence);

    env.write("authd.toml", "");
    refused(
        &env,
        &[],
        &[("AUTHD_SERVER_HEADER_TIMEOUT", "10")],
        &format!(
            "AUTHD_SERVER_HEADER_TIMEOUT: server.header_timeout: '10' has no unit, write it as in \"10s\": {timeout}"
        ),
    );
    let sentence = "--database: database.url: 'authd.db' names no database: write sqlite:PATH, as in sqlite:authd.db, or postgres://USER:PASSWORD@HOST:PORT/NAME";
    refused(&env, &["--database", "authd.db"], &[], sentence);
    assert_eq!(env.file_names(), ["authd.toml"]);
}

#[test]
fn a_file_that_is_not_toml_is_told_where() {
    let env = TestEnv::new();
    for (text, sentence) in [
        ("[server]\nlisten = [\n", "authd.toml:2: this is not TOML: "),
        (
            "[log]\nlevel = \"info\"\nlevel = \"warn\"\n",
            "authd.toml:3: this is not TOML: duplicate key",
        ),
        ("server:\n  listen: x\n", "authd.toml:1: this is not TOML: "),
    ] {
        env.write("authd.toml", text);
        for out in [
            env.authctl(&["config", "check"]),
            env.authd_outcome(&["serve"]),
        ] {
            assert_eq!(out.status, 2, "{out:?}");
            assert!(out.stderr.contains(sentence), "{text:?} {out:?}");
            assert_eq!(out.stderr.lines().count(), 1, "{out:?}");
        }
    }
}

/// Every bounded key, at both ends and beyond them.
#[test]
fn every_bound_holds_at_both_ends() {
    for key in KEYS {
        let (fit, misfit) = match key.kind {
            Kind::Count(low, high) => (numbers(low, high, ""), beyond(low, high, "")),
            Kind::Duration(low, high) => (numbers(low, high, "s"), beyond(low, high, "s")),
            Kind::Size(low, high) => (numbers(low, high, "B"), beyond(low, high, "B")),
            Kind::Choice(words) => (
                words.iter().map(|word| (*word).to_owned()).collect(),
                vec!["x".to_owned()],
            ),
            Kind::Text | Kind::Database | Kind::List => continue,
        };
        for value in fit {
            assert!(
                load(key, &value).is_ok(),
                "{} = {value}: {:?}",
                key.name,
                load(key, &value)
            );
        }
        for value in misfit {
            let error = load(key, &value).expect_err(key.name).to_string();
            let sentence = format!(
                "{}: {}: '{value}' does not fit: {} is allowed",
                key.variable(),
                key.name,
                key.kind.bounds()
            );
            assert_eq!(error, sentence);
        }
    }
}

fn numbers(low: u64, high: u64, unit: &str) -> Vec<String> {
    [low, high]
        .iter()
        .map(|number| format!("{number}{unit}"))
        .collect()
}

fn beyond(low: u64, high: u64, unit: &str) -> Vec<String> {
    let below = low.checked_sub(1).map(|number| format!("{number}{unit}"));
    below
        .into_iter()
        .chain([format!("{}{unit}", high + 1)])
        .collect()
}

fn load(key: &Key, value: &str) -> Result<Config, auth::config::ConfigError> {
    let environment = Environment::from([(key.variable().as_str(), value)]);
    Config::from_layers(&Layers::read(&Flags::default(), &environment)?)
}

/// A value that is not the default, as the environment has it.
fn sample(key: &Key) -> String {
    match (key.name, key.kind) {
        ("secret_key", _) => SECRET.into(),
        ("secret_key_file", _) => "other.key".into(),
        ("server.listen" | "server.grpc_listen", _) => "127.0.0.1:1, unix:/tmp/a.sock".into(),
        ("server.public_url", _) => "https://a.example".into(),
        ("database.url", _) => "postgres://ada@db.example:5433/auth".into(),
        ("database.read_url", _) => "postgres://ada@replica.example:5432/auth".into(),
        ("server.cors_origins", _) => "https://a.example, http://localhost:3000".into(),
        ("server.trusted_proxies", _) => "10.0.0.0/8, unix".into(),
        ("tokens.claims", _) => "email, is_staff".into(),
        ("forward.cookie", _) => "session".into(),
        ("webhooks.retries", _) => "1s, 2h".into(),
        ("mail.transport", _) => "file:mails".into(),
        ("mail.from", _) => "Ada <ada@a.example>".into(),
        (name, Kind::Text) if name.starts_with("accounts.") => "https://b.example/#{token}".into(),
        (name, Kind::Text) if name.ends_with("_header") => {
            format!("X-{}", name.replace(['.', '_'], "-"))
        }
        (_, Kind::Text | Kind::Database | Kind::List) => "https://b.example".into(),
        (_, Kind::Count(_, high)) => high.to_string(),
        (_, Kind::Duration(_, high)) => format!("{high}s"),
        (_, Kind::Size(_, high)) => format!("{high}B"),
        (_, Kind::Choice(words)) => (*words.last().expect("has one")).into(),
    }
}

fn sample_in_file(key: &Key) -> String {
    let value = sample(key);
    match key.kind {
        Kind::Count(..) => value,
        Kind::List => json!(value.split(", ").collect::<Vec<_>>()).to_string(),
        _ => format!("\"{value}\""),
    }
}

#[test]
fn every_key_can_be_set_by_the_file_by_its_variable_and_by_a_file_the_variable_names() {
    let env = TestEnv::new();
    let shown_as = |key: &Key| {
        if key.secret {
            "[redacted]".into()
        } else {
            sample(key)
        }
    };
    let lines: Vec<String> = KEYS
        .iter()
        .map(|key| format!("{} = {}", key.name, sample_in_file(key)))
        .collect();
    env.write("all.toml", &lines.join("\n"));
    let shown = show(&env, &["--config", "all.toml"], &UNSET);
    for (number, key) in KEYS.iter().enumerate() {
        let entry = json!({"value": shown_as(key), "from": format!("all.toml:{}", number + 1)});
        assert_eq!(shown[key.name], entry, "{}", key.name);
    }
    env.authctl(&["config", "check", "--config", "all.toml"])
        .succeeded();

    let pairs: Vec<(String, String)> = KEYS
        .iter()
        .map(|key| (key.variable(), sample(key)))
        .collect();
    let variables: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let shown = show(&env, &[], &variables);
    for key in KEYS {
        let entry = json!({"value": shown_as(key), "from": key.variable()});
        assert_eq!(shown[key.name], entry, "{}", key.name);
    }

    let named: Vec<(String, String)> = KEYS
        .iter()
        .filter(|key| !key.name.starts_with("secret_key"))
        .map(|key| {
            let path = env.write(key.name, &format!("{}\n", sample(key)));
            (
                format!("{}_FILE", key.variable()),
                path.display().to_string(),
            )
        })
        .collect();
    let named = named
        .iter()
        .map(|(name, path)| (name.as_str(), path.as_str()));
    let variables: Vec<(&str, &str)> = UNSET.into_iter().chain(named).collect();
    let shown = show(&env, &[], &variables);
    for key in KEYS
        .iter()
        .filter(|key| !key.name.starts_with("secret_key"))
    {
        let entry = json!({"value": shown_as(key), "from": format!("{}_FILE", key.variable())});
        assert_eq!(shown[key.name], entry, "{}", key.name);
    }
}

#[test]
fn the_sample_file_with_every_line_uncommented_is_the_default() {
    let env = TestEnv::new();
    let text = include_str!("../../contrib/authd.toml");
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    env.write("sample.toml", &uncommented.join("\n"));
    let defaults = show(&env, &[], &UNSET);
    let shown = show(&env, &["--config", "sample.toml"], &UNSET);
    for key in KEYS {
        assert_eq!(
            shown[key.name]["value"], defaults[key.name]["value"],
            "{}",
            key.name
        );
        let from = shown[key.name]["from"].as_str().expect("is a string");
        assert!(from.starts_with("sample.toml:"), "{}: {from}", key.name);
    }
    for out in [
        env.authctl(&["config", "check", "--config", "sample.toml"]),
        env.authd_outcome(&["config", "check", "--config", "sample.toml"]),
    ] {
        assert_eq!(
            out.succeeded().stdout,
            "the configuration is good (sample.toml)\n"
        );
    }
    // As it is, it sets nothing.
    env.write("plain.toml", text);
    assert_eq!(show(&env, &["--config", "plain.toml"], &UNSET), defaults);
}

#[test]
fn show_says_where_each_value_came_from_and_keeps_secrets() {
    let env = TestEnv::new();
    env.write(
        "authd.toml",
        &format!("secret_key = \"{SECRET}\"\n[log]\nlevel = \"loud\"\n"),
    );
    let out = env.authctl(&["config", "show", "-o", "tsv"]).succeeded();
    assert_eq!(out.stdout.lines().count(), KEYS.len());
    for (line, key) in out.stdout.lines().zip(KEYS) {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!((cells.len(), cells[0]), (3, key.name), "{line}");
    }
    assert!(
        out.stdout
            .contains("secret_key\t[redacted]\tauthd.toml:1\n"),
        "{out:?}"
    );
    assert!(
        out.stdout.contains("log.level\tloud\tauthd.toml:3\n"),
        "{out:?}"
    );
    assert!(
        out.stdout
            .contains("server.listen\t127.0.0.1:8000\tdefault\n"),
        "{out:?}"
    );
    let table = env.authctl(&["config", "show"]).succeeded();
    for out in [&out, &table, &env.authctl_json(&["config", "show"])] {
        assert!(!out.stdout.contains(&SECRET[..8]), "{out:?}");
    }
    assert!(table.stdout.contains("│ key "), "{table:?}");
    let url = "postgres://ada:hunter2@db/auth";
    env.write("list.toml", &format!("[database]\nurl = [\"{url}\"]\n"));
    let unset = [("AUTHD_DATABASE_URL", "")];
    let shown = show(&env, &["--config", "list.toml"], &unset);
    assert_eq!(shown["database.url"]["value"], "[redacted]");
    // What follows from other values is shown with them.
    env.write(
        "good.toml",
        "[server]\npublic_url = \"https://auth.example.com\"\n",
    );
    let shown = show(&env, &["--config", "good.toml"], &[]);
    let follows = json!({"value": "https://auth.example.com", "from": "default"});
    assert_eq!(shown["tokens.issuer"], follows);
    assert_eq!(shown["tokens.audience"], follows);
    // Shown all the same, used not at all.
    refused(
        &env,
        &[],
        &[],
        "authd.toml:3: log.level: 'loud' does not fit: one of error, warn, info, debug, trace is allowed",
    );
    let variables = [("AUTHD_SECRET_KEY", SECRET)];
    let shown = show(&env, &[], &variables);
    assert_eq!(
        shown["secret_key"],
        json!({"value": "[redacted]", "from": "AUTHD_SECRET_KEY"})
    );
}

#[test]
fn check_says_what_it_has_checked() {
    let env = TestEnv::new();
    let sentence = "the configuration is good (no file, only defaults and environment)\n";
    assert_eq!(
        env.authctl(&["config", "check"]).succeeded().stdout,
        sentence
    );
    assert_eq!(
        env.authd_outcome(&["config", "check"]).succeeded().stdout,
        sentence
    );
    let out = env.authctl_json(&["config", "check"]).succeeded();
    assert_eq!(out.stdout, "{\"ok\":true,\"file\":null}\n");
    env.write("authd.toml", "[log]\nlevel = \"warn\"\n");
    let out = env.authctl_json(&["config", "check"]).succeeded();
    assert_eq!(out.stdout, "{\"ok\":true,\"file\":\"authd.toml\"}\n");
    assert_eq!(env.file_names(), ["authd.toml"]);
}

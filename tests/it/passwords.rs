//! What a password must be, and that what was typed is what counts.

use std::path::Path;

use auth::domain::password::Password;
use auth::passwords::Policy;
use auth::passwords::policy::Owner;

use crate::env::{Authd, Outcome, PASSWORD, TestEnv};

const ADA: &str = "ada@example.com";

fn add(env: &TestEnv, email: &str, password: &str) -> Outcome {
    let arguments = ["user", "add", email, "--password-stdin"];
    env.authctl_reading(password, &arguments)
}

/// The same password at every way by which `authctl` takes a new one.
fn set_everywhere(env: &TestEnv, password: &str) -> [Outcome; 3] {
    let superuser = [
        "createsuperuser",
        "--no-input",
        "--email=root@example.com",
        "--password-stdin",
    ];
    [
        add(env, "new@example.com", password),
        env.authctl_reading(password, &["user", "passwd", ADA, "--password-stdin"]),
        env.authctl_reading(password, &superuser),
    ]
}

/// Refused everywhere with exit status 5 and this reason; nothing is created or changed.
#[track_caller]
fn assert_refused_everywhere(env: &TestEnv, password: &str, reason: &str) {
    let before = hashes(env);
    for outcome in set_everywhere(env, password) {
        assert_eq!(outcome.status, 5, "{password:?} {outcome:?}");
        assert!(outcome.stderr.contains(reason), "{password:?} {outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
    assert_eq!(hashes(env), before);
}

/// E-mail address and password hash of every account.
fn hashes(env: &TestEnv) -> Vec<(String, Option<String>)> {
    let rows = env.sql("SELECT email, password_hash FROM users ORDER BY email");
    let parted = rows.lines().map(|row| {
        let (email, hash) = row.split_once('|').expect("has two columns");
        (
            email.to_owned(),
            (!hash.is_empty()).then(|| hash.to_owned()),
        )
    });
    parted.collect()
}

fn hash_of(env: &TestEnv, email: &str) -> String {
    let found = hashes(env).into_iter().find(|(name, _)| name == email);
    found.expect("is there").1.expect("has a password")
}

#[track_caller]
fn assert_login(authd: &Authd, email: &str, password: &str, status: u16) {
    let answer = authd.try_login(email, password);
    assert_eq!(answer.status, status, "{password:?} {answer:?}");
    assert_eq!(answer.body.get("access_token").is_some(), status == 200);
}

/// So many characters that nobody guesses.
fn long(characters: usize) -> String {
    "Quartz lantern, orbit; violet "
        .chars()
        .cycle()
        .take(characters)
        .collect()
}

/// Security statement 61.
#[test]
fn a_password_has_from_15_to_256_code_points() {
    let env = TestEnv::new();
    add(&env, ADA, PASSWORD).succeeded();
    assert_refused_everywhere(&env, "", "at least 15");
    assert_refused_everywhere(&env, "lantern orbit ", "14 characters, at least 15");
    // Fourteen characters in twice as many bytes, and in as many code points before NFC.
    assert_refused_everywhere(&env, "ладья фонарь к", "14 characters, at least 15");
    assert_refused_everywhere(&env, "lantern orbite\u{301}", "14 characters, at least 15");
    assert_refused_everywhere(&env, &long(257), "257 characters, at most 256");

    add(&env, "15@example.com", "lantern orbit m").succeeded();
    add(&env, "256@example.com", &long(256)).succeeded();
    let authd = env.authd();
    assert_login(&authd, "15@example.com", "lantern orbit m", 200);
    assert_login(&authd, "256@example.com", &long(256), 200);
}

/// Security statement 61: 8 is the least that may be configured, and 64 the least maximum.
#[test]
fn the_bounds_of_a_password_are_configured_within_bounds() {
    let env = TestEnv::new();
    for (key, value) in [
        ("min_length", 7),
        ("min_length", 0),
        ("max_length", 63),
        ("max_length", 0),
    ] {
        env.write("authd.toml", &format!("[passwords]\n{key} = {value}\n"));
        let outcome = env.authctl(&["config", "check"]);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains(key), "{outcome:?}");
        assert_eq!(env.authd_outcome(&["serve"]).status, 2);
    }
    env.write("authd.toml", "[passwords]\nmin_length = 8\n");
    add(&env, ADA, "qz8%wv#jx").succeeded();
    let outcome = add(&env, "new@example.com", "qz8%wv#");
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("at least 8"), "{outcome:?}");
}

/// Security statement 62.
#[test]
fn one_more_character_does_not_log_in_at_any_length() {
    let env = TestEnv::new();
    let lengths = [71, 72, 73, 127, 128, 129, 255, 256];
    for length in lengths {
        add(&env, &format!("{length}@example.com"), &long(length)).succeeded();
    }
    let authd = env.authd();
    for length in lengths {
        let (email, password) = (format!("{length}@example.com"), long(length));
        assert_login(&authd, &email, &password, 200);
        assert_login(&authd, &email, &format!("{password}x"), 401);
        assert_login(&authd, &email, &password[..length - 1], 401);
    }
    assert_login(&authd, "256@example.com", &long(257), 401);
    assert_login(&authd, "256@example.com", &long(20_000), 401);
}

/// Security statement 62: also where an administrator waives the policy.
#[test]
fn a_password_over_the_hard_limit_is_refused_and_never_cut() {
    let env = TestEnv::new();
    let create = |email: &str, password: &str| {
        let email = format!("--email={email}");
        let arguments = [
            "createsuperuser",
            "--no-input",
            &email,
            "--password-stdin",
            "--skip-password-checks",
        ];
        env.authctl_reading(password, &arguments)
    };
    let outcome = create(ADA, &long(100_000));
    assert_eq!(outcome.status, 5, "{outcome:?}");
    assert!(env.database().is_empty(), "nothing is made for it");

    create("root@example.com", &long(257)).succeeded();
    let authd = env.authd();
    assert_login(&authd, "root@example.com", &long(257), 200);
    assert_login(&authd, "root@example.com", &long(256), 401);
    assert_login(&authd, "root@example.com", &long(258), 401);
}

/// Security statement 63.
#[test]
fn every_character_works_and_counts() {
    let env = TestEnv::new();
    // All of them, but not in the order that everyone knows.
    let ascii: String = (0..95)
        .map(|n| char::from_u32(32 + n * 37 % 95).expect("is ASCII"))
        .collect();
    let passwords = [
        ascii.as_str(),
        "  two spaces before, two after  ",
        "Ελληνικά γράμματα, мяч, 漢字仮名",
        "🐎🔋📎 horse battery 👩‍👩‍👧‍👦",
        "a tab\tand a NUL\0inside it",
        "\u{202e}right to left\u{200b}zero width",
        "line one\nline two\nline three",
    ];
    for (number, password) in passwords.iter().enumerate() {
        add(&env, &format!("u{number}@example.com"), password).succeeded();
    }
    let authd = env.authd();
    for (number, password) in passwords.iter().enumerate() {
        let email = format!("u{number}@example.com");
        assert_login(&authd, &email, password, 200);
        let others = [
            password.trim().to_owned(),
            format!(" {password}"),
            format!("{password} "),
            password.to_lowercase(),
            password.replace('\0', ""),
            password.split('\0').next().unwrap_or_default().to_owned(),
        ];
        for other in others.iter().filter(|other| other != password) {
            assert_login(&authd, &email, other, 401);
        }
    }
}

/// Security statement 64.
#[test]
fn composed_and_decomposed_spellings_log_in_to_the_same_account() {
    let env = TestEnv::new();
    let composed = "caf\u{e9} cr\u{e8}me br\u{fb}l\u{e9}e \u{1e69}";
    let decomposed = "cafe\u{301} cre\u{300}me bru\u{302}le\u{301}e s\u{323}\u{307}";
    assert_ne!(composed, decomposed);
    add(&env, "nfc@example.com", composed).succeeded();
    add(&env, "nfd@example.com", decomposed).succeeded();
    let authd = env.authd();
    for email in ["nfc@example.com", "nfd@example.com"] {
        assert_login(&authd, email, composed, 200);
        assert_login(&authd, email, decomposed, 200);
        assert_login(&authd, email, "cafe creme brulee s", 401);
    }
}

/// Security statement 65: nothing is asked of a password but length and not being guessed.
#[test]
fn no_kind_of_character_is_asked_for() {
    let env = TestEnv::new();
    for (number, password) in [
        "lantern orbit violet",
        "LANTERN ORBIT VIOLET",
        "lanternorbitviolet",
        "583 1947 2650 98 3714",
        "%&) =?( *+# ;:_ <>|$",
        "фонарь орбита фиалка",
    ]
    .iter()
    .enumerate()
    {
        add(&env, &format!("u{number}@example.com"), password).succeeded();
    }
}

/// A list of common passwords.
fn common(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/passwords")
        .join(name);
    let text = std::fs::read_to_string(path).expect("reads the list");
    text.lines().map(str::to_owned).collect()
}

/// Security statement 66.
#[test]
fn the_commonest_passwords_are_refused() {
    let owner = Owner {
        email: ADA,
        first_name: "Ada",
        last_name: "Lovelace",
    };
    for (list, count, min_chars) in [("common.txt", 3_000, 8), ("common-long.txt", 48, 15)] {
        let policy = Policy {
            min_chars,
            max_chars: 256,
        };
        let passwords = common(list);
        assert_eq!(passwords.len(), count);
        let passing: Vec<_> = passwords
            .iter()
            .filter(|text| policy.check(&Password::new(text), owner).is_ok())
            .collect();
        assert!(passing.is_empty(), "{} pass: {passing:?}", passing.len());
    }
}

/// Security statement 66: at creation and at every change alike.
#[test]
fn common_words_and_the_accounts_and_services_names_are_refused_everywhere() {
    let env = TestEnv::new();
    add(&env, ADA, PASSWORD).succeeded();
    for password in ["123456789012345", "passwordpassword", "qwertyuiopasdfghjkl"] {
        assert_refused_everywhere(&env, password, "easily guessed");
    }
    for password in ["authdauthdauthd", "superusersuperuser", "authd superuser"] {
        assert_refused_everywhere(&env, password, "the service's own name");
    }
    // Each account's own address, in whatever letters.
    let before = hashes(&env);
    for (email, arguments) in [
        (
            "grace.hopper@example.com",
            &[
                "user",
                "add",
                "grace.hopper@example.com",
                "--password-stdin",
            ][..],
        ),
        (
            "Grace.Hopper@Example.COM",
            &[
                "user",
                "add",
                "grace.hopper@example.com",
                "--password-stdin",
            ],
        ),
        (
            "ada@EXAMPLE.com",
            &["user", "passwd", ADA, "--password-stdin"],
        ),
        (
            "root.of.it@example.com",
            &[
                "createsuperuser",
                "--no-input",
                "--email=root.of.it@example.com",
                "--password-stdin",
            ],
        ),
    ] {
        let outcome = env.authctl_reading(email, arguments);
        assert_eq!(outcome.status, 5, "{outcome:?}");
        assert!(outcome.stderr.contains("e-mail address"), "{outcome:?}");
    }
    let names = [
        "user",
        "add",
        "grace@example.com",
        "--first-name=Grace Brewster",
        "--last-name=Hopper",
        "--password-stdin",
    ];
    for password in ["Grace Brewster Hopper", "GRACE BREWSTER HOPPER"] {
        let outcome = env.authctl_reading(password, &names);
        assert_eq!(outcome.status, 5, "{outcome:?}");
    }
    assert_eq!(hashes(&env), before);
}

/// Security statement 68.
#[test]
fn every_stored_hash_is_argon2id_with_the_configured_cost_and_a_salt_of_its_own() {
    let env = TestEnv::new();
    add(&env, ADA, PASSWORD).succeeded();
    add(&env, "bob@example.com", PASSWORD).succeeded();
    let costly = "[passwords]\nmemory = \"20MiB\"\niterations = 3\n";
    env.write("authd.toml", costly);
    add(&env, "cleo@example.com", PASSWORD).succeeded();

    let (ada, bob) = (hash_of(&env, ADA), hash_of(&env, "bob@example.com"));
    let cleo = hash_of(&env, "cleo@example.com");
    for (hash, params) in [
        (&ada, "m=19456,t=2,p=1"),
        (&bob, "m=19456,t=2,p=1"),
        (&cleo, "m=20480,t=3,p=1"),
    ] {
        let parts: Vec<_> = hash.split('$').collect();
        let ["", "argon2id", "v=19", found, salt, output] = parts[..] else {
            panic!("{hash} is no PHC string of Argon2id");
        };
        assert_eq!(found, params);
        // Unpadded base64 of 16 and of 32 bytes.
        assert_eq!((salt.len(), output.len()), (22, 43), "{hash}");
    }
    assert_ne!(ada.split('$').nth(4), bob.split('$').nth(4));
    assert_ne!(ada.split('$').nth(5), bob.split('$').nth(5));
}

/// Security statement 68: the floor.
#[test]
fn a_hash_cheaper_than_the_floor_cannot_be_configured() {
    let env = TestEnv::new();
    for line in ["memory = \"18MiB\"", "iterations = 1", "parallelism = 0"] {
        env.write("authd.toml", &format!("[passwords]\n{line}\n"));
        let outcome = add(&env, ADA, PASSWORD);
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert_eq!(env.authd_outcome(&["serve"]).status, 2);
    }
    assert!(env.database().is_empty());
}

/// Security statement 69.
#[test]
fn the_next_login_after_the_cost_is_raised_rewrites_the_hash() {
    let env = TestEnv::new();
    add(&env, ADA, PASSWORD).succeeded();
    let old = hash_of(&env, ADA);
    let authd = env.authd();
    let token = authd.login(ADA, PASSWORD);
    assert_eq!(hash_of(&env, ADA), old);
    drop(authd);

    env.write("authd.toml", "[passwords]\niterations = 3\n");
    let authd = env.authd();
    assert_login(&authd, ADA, "not the password at all", 401);
    assert_eq!(hash_of(&env, ADA), old);
    assert_login(&authd, ADA, PASSWORD, 200);
    let fresh = hash_of(&env, ADA);
    assert!(
        fresh.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"),
        "{fresh}"
    );
    assert_login(&authd, ADA, PASSWORD, 200);
    assert_eq!(hash_of(&env, ADA), fresh);
    // It is the same password: what was issued before stays good.
    assert_eq!(authd.verify(&token).status, 200);
}

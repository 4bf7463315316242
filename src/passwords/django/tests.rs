//! Hashes that Django made are checked, bounded, and not told from others.

use std::time::{Duration, Instant};

use super::*;
use crate::passwords::phc::Legacy;
use crate::passwords::pool;

/// The password of all that follow, as it was typed: its accent is a character of its own.
const TYPED: &str = "cafe\u{301} au lait";

/// Made by Django 5.2, but for the argon2i, which is as Django 3.1 and older make them, and the last three.
const HASHES: [&str; 11] = [
    "pbkdf2_sha256$1000$saltsaltsalt$1yciUtmtlmupmc3qyr5Rf/LMdM+ZZfn8xN1GOApdjB4=",
    "pbkdf2_sha1$1000$saltsaltsalt$cnYGU1/SLC1oJGk2ZDFJ8izroTE=",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0$edifPzrqywJdNJTbTg3X34lW+o8fyjjaStIKs2TcGmk",
    "argon2$argon2i$v=19$m=512,t=2,p=2$c2FsdHNhbHRzYWx0$zdBKWoeNTydBGvtH6P4gdw",
    "bcrypt_sha256$$2b$04$j/G0pLcylATI6efcanE...YyWKGfWHfRIcD1pf7iJEMPxUh1IEID2",
    "bcrypt$$2b$04$4mi.O8VBerYTDfEk2xofEeWVnLfRAg2zi/dsmCWCRWjxW/Tblw.0q",
    "scrypt$16384$saltsaltsalt$8$5$zK6dvZ2wTTqUOTygdmWFvAvFSb1Bh0JzIW6Ws0VROd6q8NeoGNktd4aMdeeqlHbsnqMUtDAbYgrJ+pARG+3sAw==",
    "scrypt$1024$saltsaltsalt$8$1$zUoRXYRLwVqhgC4WUhnqADhq85aFUEi8D9UHbxpkki00rK+JMQyYRs7wdu0PEt4SIaD8Sf/oVHR1Ef7h75Wirg==",
    "md5$saltsaltsalt$548b7eaa9ccecd38c658e7a8f15ed601",
    "sha1$salt$d49eca3d88067759e20c4d5384e8b4d6ee11a784",
    "5291a34510a6b3d57fb17132c6d2272c",
];

const CHEAP: HashParams = HashParams {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
};

fn taken(text: &str) -> PhcString {
    let taken = PhcString::from_django(text, Legacy::Accept);
    taken.expect("is taken").expect("is a password")
}

fn check(text: &str, stored: &PhcString, ballast: &Ballast) -> Result<Verdict, HashError> {
    verify(
        &Password::new(text),
        stored,
        CHEAP,
        ballast,
        &mut Memory::default(),
    )
}

#[test]
fn every_encoding_is_checked_against_the_text_as_typed() {
    for text in HASHES {
        let stored = taken(text);
        let verdict = |text: &str| check(text, &stored, &Ballast::default()).expect("is sound");
        assert_eq!(verdict(TYPED), Verdict::MatchOutdated, "{text}");
        // The same in normal form is another password to Django.
        assert_eq!(verdict("caf\u{e9} au lait"), Verdict::Mismatch, "{text}");
        assert_eq!(verdict(&format!("{TYPED}x")), Verdict::Mismatch, "{text}");
        assert_eq!(verdict(""), Verdict::Mismatch, "{text}");
    }
}

#[test]
fn what_says_that_there_is_no_password_is_none() {
    for text in ["", "!", "!Uo4kXvbPZUFGTz0GkbkXfyfcEC5sbJTcI5hGvWyN"] {
        assert_eq!(PhcString::from_django(text, Legacy::Accept), Ok(None));
    }
}

#[test]
fn md5_and_sha1_are_taken_only_if_that_is_asked_for() {
    for text in &HASHES[8..] {
        let taken = PhcString::from_django(text, Legacy::Refuse);
        assert_eq!(taken, Err(ForeignError::Legacy), "{text}");
        assert!(text.parse::<PhcString>().is_err(), "{text}");
    }
    for text in &HASHES[..8] {
        assert!(text.parse::<PhcString>().is_ok(), "{text}");
    }
}

#[test]
fn absurd_costs_are_refused_and_not_run_even_if_a_row_has_them() {
    let argon2 = HASHES[2];
    let absurd = [
        HASHES[0].replace("$1000$", "$1000000000$"),
        HASHES[0].replace("$1000$", "$99999999999999999999$"),
        HASHES[1].replace("$1000$", "$5000001$"),
        argon2.replace("m=102400", "m=1048577"),
        argon2.replace("t=2", "t=4000000000"),
        HASHES[4].replace("$04$", "$16$"),
        HASHES[5].replace("$04$", "$31$"),
        HASHES[6].replace("$16384$", "$1073741824$"),
        HASHES[6].replace("$8$5$", "$8$6$"),
        HASHES[6].replace("$8$5$", "$9$5$"),
    ];
    for text in absurd {
        let refused = PhcString::from_django(&text, Legacy::Accept);
        assert_eq!(refused, Err(ForeignError::Cost), "{text}");
        let start = Instant::now();
        let mut ballast = Ballast::default();
        let stored = PhcString::from_stored(text.clone());
        assert_eq!(ballast.weigh(&stored), text);
        assert_eq!(ballast, Ballast::default());
        let outcome = check(TYPED, &stored, &ballast);
        assert!(matches!(outcome, Err(HashError::Damaged)), "{text}");
        assert!(start.elapsed() < Duration::from_secs(1), "{text}");
    }
}

#[test]
fn what_django_does_not_write_is_refused() {
    let mut foreign: Vec<String> = [
        "plain",
        "$",
        "pbkdf2_sha512$1000$salt$AAAA",
        "crypt$$ab1234567890.",
        "pbkdf2_sha256$0$saltsaltsalt$1yciUtmtlmupmc3qyr5Rf/LMdM+ZZfn8xN1GOApdjB4=",
        "pbkdf2_sha256$+1000$saltsaltsalt$1yciUtmtlmupmc3qyr5Rf/LMdM+ZZfn8xN1GOApdjB4=",
        "scrypt$1000$saltsaltsalt$8$1$AAAA",
        "argon2$argon2d$v=19$m=512$c2FsdHNhbHRzYWx0$zdBKWoeNTydBGvtH6P4gdw",
    ]
    .map(str::to_owned)
    .into();
    foreign.push(HASHES[5].replace("$2b$", "$2x$"));
    foreign.push(format!("{}{}", HASHES[0], "A".repeat(512)));
    for text in HASHES {
        // An Argon2 output may have any length, but for one that would be met by chance.
        let end = text.rfind('$').map_or(text.len(), |at| at + 20);
        let ends = (4..text.len().min(end)).step_by(5);
        foreign.extend(ends.map(|end| text[..end].to_owned()));
    }
    for text in foreign {
        let taken = PhcString::from_django(&text, Legacy::Refuse);
        assert!(!matches!(taken, Ok(Some(_))), "{text}");
        let stored = PhcString::from_stored(text.clone());
        let outcome = check(TYPED, &stored, &Ballast::default());
        assert!(!matches!(outcome, Ok(Verdict::MatchOutdated)), "{text}");
    }
}

#[test]
fn all_of_a_kind_are_weighed_at_once_and_the_dearest_counts() {
    let mut texts: Vec<String> = HASHES[..8].iter().map(|&text| text.to_owned()).collect();
    texts.push(HASHES[0].replace("$1000$", "$2000$"));
    texts.push(HASHES[0].replace("$saltsaltsalt$", "$another$"));
    texts.push("md5$saltsaltsalt$548b7eaa9ccecd38c658e7a8f15ed601".into());
    texts.sort();
    let (mut ballast, mut after, mut steps) = (Ballast::default(), String::new(), 0);
    while let Some(text) = texts.iter().find(|text| **text > after) {
        after = ballast.weigh(&PhcString::from_stored(text.clone()));
        steps += 1;
    }
    assert_eq!(steps, 10, "two of one kind are one step");
    let of_one = |text: &str| {
        let mut ballast = Ballast::default();
        ballast.weigh(&PhcString::from_stored(text.to_owned()));
        ballast
    };
    assert_eq!(
        of_one("md5$a$548b7eaa9ccecd38c658e7a8f15ed601"),
        Ballast::default()
    );
    let before = ballast.clone();
    for text in &texts {
        ballast.weigh(&PhcString::from_stored(text.clone()));
    }
    assert_eq!(ballast, before);
    let cheaper = of_one(HASHES[0]);
    let dearer = of_one(&HASHES[0].replace("$1000$", "$2000$"));
    assert_ne!(cheaper, dearer);
}

/// Security statement 70: a refusal does not tell by its time that a hash is Django's, nor which.
///
/// A difference that is there stays; one that the rest of the machine makes does not.
#[test]
fn every_refusal_does_the_work_of_the_dearest_hash_there_is() {
    const TRIALS: usize = 60;
    let dear = [
        (HASHES[0], HASHES[0].replace("$1000$", "$100000$")),
        (HASHES[1], HASHES[1].replace("$1000$", "$100000$")),
        (HASHES[5], HASHES[5].replace("$04$", "$08$")),
        (HASHES[4], HASHES[4].replace("$04$", "$08$")),
        (HASHES[7], HASHES[7].replace("$1024$", "$4096$")),
        (HASHES[3], HASHES[3].replace("m=512", "m=16384")),
    ];
    for (cheap, dear) in dear {
        let (cheap, dear) = (taken(cheap), taken(&dear));
        let mut ballast = Ballast::default();
        ballast.weigh(&cheap);
        ballast.weigh(&dear);
        let (password, mut memory) = (Password::new("wrong"), Memory::default());
        let mut least = [f64::INFINITY; 3];
        for trial in 1..=TRIALS {
            for (stored, least) in [None, Some(&cheap), Some(&dear)].iter().zip(&mut least) {
                let start = Instant::now();
                let outcome = pool::check(&password, *stored, CHEAP, &ballast, &mut memory);
                *least = start.elapsed().as_secs_f64().min(*least);
                assert!(matches!(outcome, Ok(Verdict::Mismatch)));
            }
            let shortest = least.iter().copied().fold(f64::INFINITY, f64::min);
            let longest = least.iter().copied().fold(0.0, f64::max);
            if trial >= 5 && longest < shortest * 1.2 {
                break;
            }
            assert!(trial < TRIALS, "{least:?} of {}", dear.as_str());
        }
    }
}

#[test]
fn another_variant_of_argon2_is_not_called_too_dear() {
    let other = HASHES[2].replace("argon2id", "argon2d");
    assert_ne!(other, HASHES[2]);
    let refused = PhcString::from_django(&other, Legacy::Refuse);
    assert_eq!(refused, Err(ForeignError::Form));
}

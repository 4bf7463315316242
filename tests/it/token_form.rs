//! How a token is spelt and signed: there is one way.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use auth::tokens::jws::{self, MAX_TOKEN_BYTES};
use auth::tokens::{KeyAlgorithm, SigningKey, TokenError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::env::Authd;
use crate::forger::{Forger, add_key, base64url, with};
use crate::scene::{Scene, refuses_in_body};

/// Security statement 15: the vectors hold many more of these.
#[test]
fn a_signature_in_another_encoding_or_out_of_range_is_refused() {
    /// The order of P-256, and that of Ed25519's group (little-endian).
    const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let scene = Scene::new();
    add_key(&scene.env, KeyAlgorithm::Es256, "retired");
    let ec = Forger::with_key_of(&scene.env, KeyAlgorithm::Es256);
    let token = ec.token(&ec.header(), &scene.claims);
    scene.accepts(&token);
    let (message, signature) = parts(&token);
    let (r, s) = signature.split_at(32);
    let (n, zero) = (unhex(N), vec![0; 32]);
    for forged in [
        der_signature(r, s),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], &signature[..]].concat(),
        [&zero[..], &zero].concat(),
        [&zero[..], s].concat(),
        [r, &zero].concat(),
        [&n[..], s].concat(),
        [r, &n].concat(),
        vec![0xff; 64],
        vec![],
    ] {
        scene.refuses(&format!("{message}.{}", base64url(&forged)));
    }

    let (message, signature) = parts(&scene.token);
    let (r, s) = signature.split_at(32);
    let too_large = add_little_endian(s, &unhex(L));
    for forged in [
        [r, &too_large].concat(),
        [r, &[0; 32]].concat(),
        [r, &[0xff; 32]].concat(),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        vec![0; 64],
    ] {
        scene.refuses(&format!("{message}.{}", base64url(&forged)));
    }
    scene.accepts(&scene.token);
}

fn parts(token: &str) -> (&str, Vec<u8>) {
    let (message, signature) = token.rsplit_once('.').expect("has parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("is base64url");
    (message, signature)
}

fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let skip = number.iter().take_while(|byte| **byte == 0).count();
        let mut bytes = number[skip..].to_vec();
        if bytes.first().is_none_or(|first| first & 0x80 != 0) {
            bytes.insert(0, 0);
        }
        let length = u8::try_from(bytes.len()).expect("is short");
        [&[2, length], &bytes[..]].concat()
    };
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).expect("is short");
    [&[0x30, length], &body[..]].concat()
}

fn add_little_endian(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    one.iter()
        .zip(other)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            (sum & 0xff) as u8
        })
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("is hexadecimal"))
        .collect()
}

/// Security statement 16.
#[test]
fn a_token_that_is_not_exactly_three_parts_of_unpadded_base64url_is_refused() {
    let scene = Scene::new();
    let token = &scene.token;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{token} has three parts");
    };
    for forged in [
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{signature}.{header}.{payload}"),
        format!(".{token}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature}=="),
        format!("..{signature}"),
        "..".to_owned(),
        ".".to_owned(),
    ] {
        scene.refuses(&forged);
    }
    // White space, line ends and NUL come through a body only.
    for forged in [
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\0"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}\n.{payload}.{signature}"),
        format!("{header}.{payload}.\t{signature}"),
        String::new(),
        json!({"payload": payload, "protected": header, "signature": signature}).to_string(),
        json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]})
            .to_string(),
    ] {
        refuses_in_body(&scene.authd, &forged);
    }
    scene.accepts(token);
}

/// Security statement 16: one token has one spelling.
#[test]
fn a_second_spelling_of_the_same_bytes_is_refused() {
    let scene = Scene::new();
    // 64 bytes of signature leave four bits of the last letter over; they must be zero.
    let (rest, last) = scene.token.split_at(scene.token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).expect("is a letter of base64url");
    assert_eq!(value % 16, 0);
    for bits in 1..16 {
        let other = &alphabet[value + bits..=value + bits];
        scene.refuses(&format!("{rest}{other}"));
    }
    // The standard alphabet's letters for 62 and 63, in a part that is signed over as it stands.
    let payload = with(&scene.claims, "x", Some("\u{3ff}\u{3ff}?>?>~~~".into()));
    let header = base64url(scene.forger.header().to_string().as_bytes());
    let payload = base64url(payload.to_string().as_bytes());
    assert!(payload.contains('_') || payload.contains('-'), "{payload}");
    scene.accepts(&scene.forger.sign(&format!("{header}.{payload}")));
    let standard = payload.replace('-', "+").replace('_', "/");
    scene.refuses(&scene.forger.sign(&format!("{header}.{standard}")));
    for padding in ["=", "=="] {
        scene.refuses(&scene.forger.sign(&format!("{header}.{payload}{padding}")));
    }
}

/// Security statement 17.
#[test]
fn a_member_that_occurs_twice_makes_a_token_unreadable() {
    let scene = Scene::new();
    let (header, payload) = (scene.forger.header().to_string(), scene.claims.to_string());
    let twice = |object: &str, extra: &str| {
        let inner = object.strip_prefix('{').expect("is an object");
        format!("{{{extra},{inner}")
    };
    for extra in [
        r#""alg":"EdDSA""#,
        r#""alg":"none""#,
        r#""kid":"x""#,
        r#""typ":"JWT""#,
        r#""\u0061lg":"none""#,
    ] {
        let header = twice(&header, extra);
        scene.refuses(&scene.forger.token_of(header.as_bytes(), payload.as_bytes()));
    }
    for extra in [
        r#""sub":"0""#,
        r#""exp":99999999999"#,
        r#""aud":"x""#,
        r#""iss":"x""#,
        r#""e\u0078p":0"#,
    ] {
        let payload = twice(&payload, extra);
        scene.refuses(&scene.forger.token_of(header.as_bytes(), payload.as_bytes()));
    }
    let harmless = twice(&payload, r#""x":1"#);
    scene.accepts(
        &scene
            .forger
            .token_of(header.as_bytes(), harmless.as_bytes()),
    );
}

/// Security statement 18.
#[test]
fn a_header_or_payload_that_is_no_plain_json_object_is_refused_at_once() {
    let scene = Scene::new();
    let (header, payload) = (scene.forger.header().to_string(), scene.claims.to_string());
    let (header, payload) = (header.as_bytes(), payload.as_bytes());
    let deep = |object: &[u8], depth: usize| {
        let nest = format!("{{\"x\":{}{},", "[".repeat(depth), "]".repeat(depth));
        [nest.as_bytes(), &object[1..]].concat()
    };
    let odd = |object: &[u8]| {
        vec![
            [b"\xef\xbb\xbf", object].concat(),
            [object, b"\xff"].concat(),
            [b"{\"x\":\"\xc3\x28\",", &object[1..]].concat(),
            [b"{\"x\":\"\\ud800\",", &object[1..]].concat(),
            object.iter().flat_map(|byte| [*byte, 0]).collect(),
            [object, b"{}"].concat(),
            [b"[", object, b"]"].concat(),
            object[..object.len() - 1].to_vec(),
            b"null".to_vec(),
            b"1".to_vec(),
            vec![],
            deep(object, 2_000),
        ]
    };
    for header in odd(header) {
        scene.refuses(&scene.forger.token_of(&header, payload));
    }
    for payload in odd(payload) {
        scene.refuses(&scene.forger.token_of(header, &payload));
    }

    for token in [
        scene.forger.token_of(&deep(header, 10_000), payload),
        scene.forger.token_of(header, &deep(payload, 10_000)),
        scene.forger.token_of(header, &deep(payload, 2_000)),
    ] {
        // The quickest of some, as the machine has other work too.
        let quickest = (0..5)
            .map(|_| {
                let start = Instant::now();
                refuses_in_body(&scene.authd, &token);
                start.elapsed()
            })
            .min();
        assert!(quickest < Some(Duration::from_millis(50)), "{quickest:?}");
    }
    scene.accepts(&scene.token);
}

/// Security statement 19.
///
/// CVE-2025-30204 (golang-jwt) and CVE-2025-27144 (go-jose).
#[test]
fn a_token_beyond_the_limit_is_refused_without_memory() {
    let scene = Scene::new();
    let padded = |bytes: usize| {
        let token = scene.with_claim("pad", Some("x".repeat(bytes).into()));
        (token.len(), token)
    };
    let (base, _) = padded(0);
    let (length, fits) = padded((MAX_TOKEN_BYTES - base) * 3 / 4 - 8);
    assert!(length <= MAX_TOKEN_BYTES && length > MAX_TOKEN_BYTES - 64);
    scene.accepts(&fits);
    let (length, too_long) = padded((MAX_TOKEN_BYTES - base) * 3 / 4 + 8);
    assert!(length > MAX_TOKEN_BYTES && length < MAX_TOKEN_BYTES + 64);
    scene.refuses(&too_long);

    let dots = ".".repeat(1_000_000);
    assert_eq!(
        jws::verify(&dots, |_| None).expect_err("is too long"),
        TokenError::TooLong
    );
    let before = peak_kib(&scene.authd);
    for _ in 0..20 {
        refuses_in_body(&scene.authd, &dots[..60_000]);
        let answer = answer_to_announcement(&scene.authd, dots.len());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("body_too_large"), "{answer}");
    }
    let grown = peak_kib(&scene.authd) - before;
    assert!(grown < 8 * 1024, "grew by {grown} KiB");
    scene.accepts(&scene.token);
}

/// What is answered to the head of a request whose body would be so long.
fn answer_to_announcement(authd: &Authd, bytes: usize) -> String {
    let mut stream = TcpStream::connect(authd.address()).expect("connects");
    write!(
        stream,
        "POST /auth/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\nConnection: close\r\n\r\n"
    )
    .expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

/// The most memory the daemon ever held, in KiB.
fn peak_kib(authd: &Authd) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", authd.child.id()))
        .expect("reads the process's state");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("has a peak");
    let number = line.split_whitespace().nth(1).expect("has a number");
    number.parse().expect("is a number")
}

/// Security statement 26.
#[test]
fn no_two_ecdsa_signatures_share_their_random_number() {
    let key = SigningKey::generate(KeyAlgorithm::Es256).expect("makes a key");
    let claims = serde_json::Map::new();
    let numbers: HashSet<_> = (0..10_000)
        .map(|_| {
            let token = key.sign(&claims).expect("signs");
            parts(&token).1[..32].to_vec()
        })
        .collect();
    assert_eq!(numbers.len(), 10_000);
}

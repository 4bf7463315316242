//! What a token costs, the first time and the second.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use authd_client::blocking::Verifier;
use authd_client::{Reason, Settings, VerifyError};

#[path = "../tests/authd.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod authd;

/// What the second use may cost.
const MOST: Duration = Duration::from_micros(2);
const ROUNDS: u32 = 20;
const TIMES: u32 = 20_000;

fn main() -> ExitCode {
    let authd = authd::Authd::new(&[("AUTHD_TOKENS_CLAIMS", "email,first_name,groups")]);
    let tokens: Vec<String> = (0..10).map(|_| authd.signed_in().token).collect();
    let mut is_good = true;
    for (name, settings) in [("offline", authd.offline()), ("cached", authd.cached())] {
        is_good &= measure(name, settings, &tokens);
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn measure(name: &str, settings: Settings, tokens: &[String]) -> bool {
    let verifier = Verifier::start(settings).expect("starts");
    let forged = format!("{}AAAA", &tokens[0][..tokens[0].len() - 4]);
    let refusal = verifier.verify(&forged).expect_err("is forged");
    assert_eq!(refusal, VerifyError::InvalidToken(Reason::NotValid));
    let first = per_call(tokens.len(), |nth| {
        drop(verifier.verify(&tokens[nth]).expect("is good"));
    });
    // Cached: until the feed is heard every request is asked about.
    std::thread::sleep(Duration::from_secs(1));
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            per_call(TIMES as usize, |nth| {
                let token = &tokens[nth % tokens.len()];
                black_box(verifier.verify(black_box(token)).expect("is good"));
            })
        })
        .collect();
    rounds.sort_unstable();
    let (least, median, most) = (
        rounds[0],
        rounds[rounds.len() / 2],
        rounds[rounds.len() - 1],
    );
    println!(
        "{name:8} first use {first:>10.1?}   second use {median:>7.0?} ({least:.0?} to {most:.0?})   token of {} bytes",
        tokens[0].len()
    );
    median < MOST
}

fn per_call(times: usize, mut call: impl FnMut(usize)) -> Duration {
    let started = Instant::now();
    (0..times).for_each(&mut call);
    started.elapsed() / u32::try_from(times).expect("is small")
}

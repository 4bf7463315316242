//! Questions to a person at a terminal.

use std::fmt::Display;
use std::io::ErrorKind;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dialoguer::{Confirm, Input, Password as Hidden};
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::error::CliError;
use crate::domain::password::Password;

/// The exit status of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// Far longer than the handler takes.
const HANDLER_PATIENCE: Duration = Duration::from_secs(1);

/// Makes Ctrl-C give the terminal back as it was before the program ends. Nothing has been
/// written by then: commands write once, after the last question.
pub(super) fn guard_terminal() {
    let Ok(before) = tcgetattr(stdin()) else {
        return;
    };
    let restore = move || {
        // The program ends in any case.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
        let _ = dialoguer::console::Term::stderr().show_cursor();
        eprintln!("\nauthctl: interrupted");
        end();
    };
    if let Err(error) = ctrlc::set_handler(restore) {
        tracing::warn!(%error, "Ctrl-C may leave the terminal without echo");
    }
}

/// Makes Ctrl-C a request, for work that takes long and is to leave nothing half done. A second
/// one ends the program at once.
pub(super) fn watch_for_interrupt() -> Arc<AtomicBool> {
    let pressed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&pressed);
    let note = move || {
        if seen.swap(true, Ordering::Relaxed) {
            end();
        }
    };
    if let Err(error) = ctrlc::set_handler(note) {
        tracing::warn!(%error, "Ctrl-C may leave a temporary file");
    }
    pressed
}

/// Ends the program as one that was interrupted, with this as its last word.
pub(super) fn end_interrupted(what: &str) {
    eprintln!("authctl: interrupted: {what}");
    end();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a blocked prompt cannot be told to return, and no status of the contract says this"
)]
fn end() {
    std::process::exit(INTERRUPTED);
}

/// Asks until the answer is one; what is wrong with the others is said. An empty answer is one
/// where the type has it.
pub(super) fn ask<T: FromStr<Err: Display>>(question: &str) -> Result<T, CliError> {
    loop {
        let answer: String = Input::new()
            .with_prompt(question)
            .allow_empty(true)
            .interact_text()
            .map_err(failed)?;
        match answer.parse() {
            Ok(value) => return Ok(value),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// As [`ask`], but an empty answer means none.
pub(super) fn ask_optional<T: FromStr<Err: Display>>(
    question: &str,
) -> Result<Option<T>, CliError> {
    loop {
        let answer: String = Input::new()
            .with_prompt(question)
            .allow_empty(true)
            .interact_text()
            .map_err(failed)?;
        if answer.trim().is_empty() {
            return Ok(None);
        }
        match answer.parse() {
            Ok(value) => return Ok(Some(value)),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Asks for a new password, twice, until both are the same.
pub(super) fn new_password() -> Result<Password, CliError> {
    loop {
        let first = hidden("Password")?;
        if hidden("Password (again)")? == first {
            return Ok(first);
        }
        eprintln!("the two are not the same, try again");
    }
}

/// Asks for a password, once.
pub(super) fn hidden(question: &str) -> Result<Password, CliError> {
    let typed = Hidden::new()
        .with_prompt(question)
        .allow_empty_password(true)
        .interact();
    typed
        .map(|typed| Password::new(&zeroize::Zeroizing::new(typed)))
        .map_err(failed)
}

/// Asks for a yes; anything else is a no.
pub(super) fn confirm(question: &str) -> Result<bool, CliError> {
    Confirm::new()
        .with_prompt(question)
        .default(false)
        // Otherwise the Enter after the letter answers the next question.
        .wait_for_newline(true)
        .interact()
        .map_err(failed)
}

fn failed(error: dialoguer::Error) -> CliError {
    let dialoguer::Error::IO(cause) = error;
    if cause.kind() == ErrorKind::Interrupted {
        // Ctrl-C: the handler is about to end the program.
        std::thread::sleep(HANDLER_PATIENCE);
    }
    CliError::Io {
        what: "asking on the terminal".into(),
        cause,
    }
}

//! The log, on standard error.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use tracing::Level;

use super::log_json::JsonLines;
use super::log_lines::LogLines;
use crate::config::{LogConfig, LogFormat};

/// Starts the daemon's log: text on a terminal, JSON elsewhere, unless configured.
///
/// Lines go to a descriptor of their own: the standard library's lock over standard error would
/// have the I/O threads wait for each other.
pub(super) fn start_daemon(config: LogConfig) -> io::Result<LogLines> {
    let lines = LogLines::new(File::from(io::stderr().as_fd().try_clone_to_owned()?));
    let is_terminal = io::stderr().is_terminal();
    let is_text = match config.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        // A log that cannot be written is no reason to stop: reporting that there would panic.
        .log_internal_errors(false)
        .with_max_level(config.level);
    if is_text {
        log.with_ansi(is_terminal).with_target(false).init();
    } else {
        log.event_format(JsonLines).init();
    }
    log_panics();
    Ok(lines)
}

/// A panic is a line of the log like any other, not text between the lines.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(tracing::field::display);
        let payload = panic.payload();
        let message = payload.downcast_ref::<&str>().copied();
        let message = message.or_else(|| payload.downcast_ref().map(String::as_str));
        tracing::error!(place, message, "a thread panicked");
    }));
}

/// Starts a command's log: what is worth a warning, in text.
pub(super) fn start_command() {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .log_internal_errors(false)
        .with_max_level(Level::WARN)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

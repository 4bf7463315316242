//! The log, on standard error.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;

use tracing::Level;

use crate::config::{LogConfig, LogFormat};

/// Starts the daemon's log: text on a terminal, JSON elsewhere, unless configured.
///
/// Each line is one write to a descriptor of its own: the standard library's lock over standard
/// error would have the I/O threads wait for each other.
pub(super) fn start_daemon(config: LogConfig) -> io::Result<()> {
    let stderr = Arc::new(File::from(io::stderr().as_fd().try_clone_to_owned()?));
    let is_terminal = io::stderr().is_terminal();
    let is_text = match config.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt()
        .with_writer(stderr)
        // A log that cannot be written is no reason to stop: reporting that there would panic.
        .log_internal_errors(false)
        .with_max_level(config.level);
    if is_text {
        log.with_ansi(is_terminal).with_target(false).init();
    } else {
        log.json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .init();
    }
    log_panics();
    Ok(())
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

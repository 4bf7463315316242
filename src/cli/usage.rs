//! What clap has to say of a command line.

use std::io::Write;
use std::process::ExitCode;

use super::error::{Status, say};
use super::output::Format;

/// Reports what clap has to say: help and version on standard output, errors on standard error.
/// A value that a type of ours refused is status 5, any other misuse 2.
pub(super) fn report_clap(error: &clap::Error, program: &str, format: Format) -> ExitCode {
    use clap::error::ErrorKind;
    if !error.use_stderr() {
        // Nobody reads on: not our failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let invalid = error.kind() == ErrorKind::ValueValidation;
    let status = if invalid {
        Status::Invalid
    } else {
        Status::Usage
    };
    let text = error.to_string();
    let plain = without_passwords(&text);
    if format == Format::Json {
        let sentence = without_passwords(&sentence_of(error));
        say(program, format, status, &sentence);
    } else if plain != text {
        // Without colours, but without the password, too.
        let _ = write!(std::io::stderr(), "{plain}");
    } else {
        // Standard error is gone: the status alone must do.
        let _ = error.print();
    }
    ExitCode::from(status as u8)
}

/// What went wrong, without the advice below it (usage, "for more information") and on one line.
fn sentence_of(error: &clap::Error) -> String {
    use clap::error::ErrorKind;
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return "a command is needed: see --help".into();
    }
    let text = error.to_string();
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .into_iter()
        .filter_map(|advice| text.find(advice))
        .min();
    let what = text[..end.unwrap_or(text.len())].trim_start_matches("error: ");
    let words: Vec<&str> = what.split_whitespace().collect();
    words.join(" ").replace(" tip: ", "; tip: ")
}

/// The text without what URLs with a user in them have after their scheme: a password may be in it.
fn without_passwords(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| match word.split_once("://") {
            Some((scheme, rest)) if rest.contains(['@', '?']) => {
                let end = rest.trim_end_matches(|end: char| end.is_whitespace() || end == '\'');
                format!("{scheme}://...{}", &rest[end.len()..])
            }
            _ => word.to_owned(),
        })
        .collect()
}

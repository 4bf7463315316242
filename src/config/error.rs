//! Why a configuration cannot be used.

use std::path::PathBuf;

use super::layers::Origin;

/// Why a configuration cannot be used: where, which key, and what would do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "the configuration file '{path}' cannot be read ({cause}): check its path and its permissions"
    )]
    Unreadable {
        /// The file, or the file a variable names.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}:{line}: this is not TOML: {message}", path = .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// No such key.
    #[error("{origin}: '{key}' is not a configuration key: did you mean '{nearest}'?")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// As written.
        key: String,
        /// The known key, or variable, that looks most like it.
        nearest: String,
    },
    /// The value does not fit its key.
    #[error("{origin}: {key}: {problem}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// What is wrong, and what would do.
        problem: String,
    },
}

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
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file that holds one value cannot be read.
    #[error(
        "{variable}: the file '{path}' cannot be read ({cause}): check its path and its permissions"
    )]
    UnreadableValue {
        /// The variable that names the file.
        variable: String,
        /// The file.
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
        /// The known key that looks most like it.
        nearest: String,
    },
    /// No such variable.
    #[error("{variable}: this is not a configuration key: did you mean '{nearest}'?")]
    UnknownVariable {
        /// As it is in the environment.
        variable: String,
        /// The known variable that looks most like it.
        nearest: String,
    },
    /// The value is given twice.
    #[error("{variable} and {variable}_FILE are both set: keep one of them")]
    TwoValues {
        /// The one that holds the value itself.
        variable: String,
    },
    /// What it holds is no text.
    #[error("{variable}: the value of this variable is not UTF-8")]
    NotText {
        /// As it is in the environment.
        variable: String,
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

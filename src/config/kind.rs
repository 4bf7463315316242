//! What the value of a configuration key looks like.

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;
pub(super) const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
pub(super) const YEAR: u64 = 365 * DAY;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text of the form the help names.
    Text,
    /// A database's URL, shown without its password.
    Database,
    /// A list of such texts; separated by commas in the environment.
    List,
    /// A whole number between the two.
    Count(u64, u64),
    /// A duration with its unit, in seconds between the two.
    Duration(u64, u64),
    /// A size with its unit, in bytes between the two.
    Size(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Yes or no.
    pub const FLAG: Self = Self::Choice(&["true", "false"]);

    /// What is allowed, as the end of "... is allowed".
    pub fn bounds(&self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Database => "the URL of a database".into(),
            Self::List => "a list of texts".into(),
            Self::Count(low, high) => format!("a whole number from {low} to {high}"),
            Self::Duration(low, high) => {
                format!(
                    "a duration from {} to {}",
                    with_time_unit(*low),
                    with_time_unit(*high)
                )
            }
            Self::Size(low, high) => {
                format!(
                    "a size from {} to {}",
                    with_size_unit(*low),
                    with_size_unit(*high)
                )
            }
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}

fn with_time_unit(seconds: u64) -> String {
    match seconds {
        0 => "0s".into(),
        _ if seconds.is_multiple_of(DAY) && seconds > DAY => format!("{}d", seconds / DAY),
        _ if seconds.is_multiple_of(HOUR) => format!("{}h", seconds / HOUR),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn with_size_unit(bytes: u64) -> String {
    if bytes.is_multiple_of(MIB) {
        format!("{}MiB", bytes / MIB)
    } else {
        format!("{}KiB", bytes / KIB)
    }
}

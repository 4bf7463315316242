//! A name for each request, in its answer and in the log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::sources::Random;

/// The header field, or the metadata, that carries it.
pub const NAME: &str = "x-request-id";

/// Names a request in its answer and in the log.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// Letters, digits, `-`, `_` and `.`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gives ids that no other request of this or of another process has.
pub struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Starts with a prefix of this process.
    pub fn new(random: &dyn Random) -> Self {
        let mut process = [0; 8];
        random.fill(&mut process);
        Self {
            process: u64::from_be_bytes(process),
            next: AtomicU64::new(0),
        }
    }

    /// The id that the client gave (a proxy's, most likely), if it is plain; else a new one.
    pub fn given_or_fresh(&self, given: Option<&str>) -> RequestId {
        match given.filter(|id| is_plain(id)) {
            Some(id) => RequestId(id.to_owned()),
            None => self.fresh(),
        }
    }

    /// A new one.
    pub fn fresh(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:016x}{number:08x}", self.process))
    }
}

fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (8..=64).contains(&id.len()) && id.bytes().all(plain)
}

//! The memory of checked signatures (ADR 2, ADR 8): what a token's bytes say never changes, so checking
//! them once is enough.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use super::claims::Claims;

/// Tokens remembered at most; about half a kilobyte each.
const CAPACITY: usize = 16_384;

/// SHA-256 of a whole token.
pub type Fingerprint = [u8; 32];

/// A token whose signature was good under the key `kid`. Whether that key, the account and the
/// hour still allow it is asked anew each time.
#[derive(Debug)]
pub struct CheckedToken {
    /// Of all its bytes.
    pub fingerprint: Fingerprint,
    /// The key it was checked with.
    pub kid: String,
    /// What it says.
    pub claims: Arc<Claims>,
}

/// Checked tokens by fingerprint; bounded, safe to share.
pub struct CheckedTokens(Cache<Fingerprint, Arc<CheckedToken>>);

impl Default for CheckedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl CheckedTokens {
    /// The key of a token in this memory. Only the whole token's hash is, so that no other bytes
    /// can pass for it.
    pub fn fingerprint(token: &str) -> Fingerprint {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        fingerprint
    }

    /// The token, if it was checked before.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<Arc<CheckedToken>> {
        self.0.get(fingerprint)
    }

    /// Remembers a token that was just checked.
    pub fn insert(&self, token: CheckedToken) -> Arc<CheckedToken> {
        let token = Arc::new(token);
        self.0.insert(token.fingerprint, Arc::clone(&token));
        token
    }
}

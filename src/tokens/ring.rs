//! The key ring: the keys that verify, and the one that signs.

use std::collections::HashMap;
use std::sync::Arc;

use super::key::{KeyError, SigningKey, VerifyingKey};

/// An immutable snapshot of the keys. When the keys change, a new ring takes its place.
#[derive(Clone)]
pub struct KeyRing {
    signing: Arc<SigningKey>,
    verifying: HashMap<String, VerifyingKey>,
}

impl KeyRing {
    /// A ring that signs with `signing` and verifies with it and all of `others`.
    pub fn new(signing: SigningKey, others: Vec<VerifyingKey>) -> Result<Self, KeyError> {
        let mut keys = others;
        keys.retain(|key| key.kid() != signing.verifying().kid());
        keys.push(signing.verifying().clone());
        Ok(Self {
            signing: Arc::new(signing),
            verifying: by_kid(keys)?,
        })
    }

    /// The key that new tokens are signed with.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The key of that id.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.get(kid)
    }
}

/// Keys by id; refuses sets in which an id or the kind of key is ambiguous.
pub fn by_kid(keys: Vec<VerifyingKey>) -> Result<HashMap<String, VerifyingKey>, KeyError> {
    let secrets = keys.iter().filter(|key| key.is_shared_secret()).count();
    if secrets != 0 && secrets != keys.len() {
        return Err(KeyError::Mixed);
    }
    let mut set = HashMap::with_capacity(keys.len());
    for key in keys {
        if let Some(twin) = set.insert(key.kid().to_owned(), key) {
            return Err(KeyError::DuplicateId(twin.kid().to_owned()));
        }
    }
    Ok(set)
}

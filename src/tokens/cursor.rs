//! Where a page of a list ends, for the client to bring back: whoever changes it, or brings it to another
//! list, is told.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::seal::SECRET_BYTES;
use crate::domain::secret::Secret;

/// The longest place that is read back, in bytes as it is written.
const MAX_BYTES: usize = 2048;

/// HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// Marks places as its own.
pub struct CursorKey(hmac::Key);

impl CursorKey {
    /// The key of an installation's secret.
    pub fn new(secret: &Secret<[u8; SECRET_BYTES]>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let own = hmac::sign(&root, b"authd cursor");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// What tells these bytes from others to whoever has the key, and to nobody else: the tag of a place in
    /// a list that there is not.
    pub fn fingerprint(&self, purpose: &str, bytes: &[u8]) -> [u8; TAG_BYTES] {
        let tag = hmac::sign(&self.0, &marked(purpose, bytes));
        let mut fingerprint = [0; TAG_BYTES];
        fingerprint.copy_from_slice(tag.as_ref());
        fingerprint
    }

    /// A place in this list, as the client gets it: base64url of the tag and the place.
    pub fn write(&self, list: &str, place: &str) -> String {
        let tag = hmac::sign(&self.0, &marked(list, place.as_bytes()));
        URL_SAFE_NO_PAD.encode([tag.as_ref(), place.as_bytes()].concat())
    }

    /// The place in this list; `None`: it was changed, or is of another list or installation.
    pub fn read(&self, list: &str, cursor: &str) -> Option<String> {
        if cursor.len() > MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, place) = bytes.split_at_checked(TAG_BYTES)?;
        let place = str::from_utf8(place).ok()?;
        hmac::verify(&self.0, &marked(list, place.as_bytes()), tag).ok()?;
        Some(place.to_owned())
    }
}

/// Both, so that no other pair gives the same bytes.
fn marked(list: &str, place: &[u8]) -> Vec<u8> {
    let length = (list.len() as u64).to_be_bytes();
    [&length, list.as_bytes(), place].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_in_its_own_list_and_unchanged_alone() {
        let key = |byte| CursorKey::new(&Secret::new([byte; SECRET_BYTES]));
        let cursor = key(1).write("/users?order=id", "place");
        let read = |list, cursor: &str| key(1).read(list, cursor);
        assert_eq!(read("/users?order=id", &cursor), Some("place".into()));
        assert_eq!(read("/users?order=email", &cursor), None);
        assert_eq!(key(2).read("/users?order=id", &cursor), None);
        let moved = key(1).write("/users?order=idp", "lace");
        assert_eq!(read("/users?order=id", &moved), None);
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("is ASCII");
            assert_eq!(read("/users?order=id", &changed), None, "{at}");
            assert_eq!(read("/users?order=id", &cursor[..at]), None, "{at}");
        }
        for other in ["", "x", "%", &"A".repeat(5000)] {
            assert_eq!(read("/users?order=id", other), None);
        }
    }
}

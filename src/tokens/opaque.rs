//! Tokens that say nothing: 256 random bits behind a prefix that people and secret scanners know.
//!
//! `authd_rt_` and 43 letters of unpadded base64url, then 6 letters of CRC-32 over all before them,
//! which tells a mistyped or cut token without asking the database. Only a hash of the whole is ever
//! stored.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::seal::SECRET_BYTES;
use crate::domain::secret::Secret;
use crate::domain::sources::Random;

/// What a token is for; one kind never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueKind {
    /// Keeps a session going.
    Refresh,
    /// Stands for a user or a client in scripts.
    Api,
    /// Proves who a client is.
    ClientSecret,
}

/// SHA-256 of a whole token: what the database knows of it.
pub type TokenHash = [u8; 32];

/// Random bytes of a token.
const RANDOM_BYTES: usize = 32;
/// Letters that say them.
const RANDOM_LETTERS: usize = 43;
/// Letters of the checksum.
const CHECK_LETTERS: usize = 6;

/// A token of the right form. Whether it was ever given out, the database knows.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    kind: OpaqueKind,
    text: Secret<String>,
}

impl OpaqueKind {
    /// What every token of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "authd_rt_",
            Self::Api => "authd_pat_",
            Self::ClientSecret => "authd_cs_",
        }
    }
}

impl OpaqueToken {
    /// A new one.
    pub fn generate(kind: OpaqueKind, random: &dyn Random) -> Self {
        let mut bytes = Secret::new([0; RANDOM_BYTES]);
        random.fill(bytes.expose_mut());
        Self::of(kind, bytes.expose())
    }

    /// Reads one; `None` if this is none of that kind.
    pub fn parse(kind: OpaqueKind, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(kind.prefix())?;
        let (random, check) = rest.split_at_checked(RANDOM_LETTERS)?;
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(random).ok()?);
        let sound = bytes.expose().len() == RANDOM_BYTES
            && check == checksum(&text[..text.len() - check.len()]);
        sound.then(|| Self {
            kind,
            text: Secret::new(text.to_owned()),
        })
    }

    /// The token itself, to be given out once.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        hash_of(self.expose())
    }

    fn of(kind: OpaqueKind, bytes: &[u8; RANDOM_BYTES]) -> Self {
        let mut text = kind.prefix().to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text.push_str(&checksum(&text));
        Self {
            kind,
            text: Secret::new(text),
        }
    }
}

/// Whether `text` is the token with this stored hash. Takes the same time whatever differs, and
/// whether there is a hash at all.
pub fn is_stored(text: &str, stored: Option<&[u8]>) -> bool {
    let given = hash_of(text);
    let same = verify_slices_are_equal(&given, stored.unwrap_or(&[0; 32])).is_ok();
    same && stored.is_some()
}

fn hash_of(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

fn checksum(text: &str) -> String {
    let letters = URL_SAFE_NO_PAD.encode(crc32fast::hash(text.as_bytes()).to_be_bytes());
    debug_assert_eq!(letters.len(), CHECK_LETTERS);
    letters
}

/// Makes a refresh token's successor: always the same one, and only for whoever has both the token
/// and the secret of the installation. So everybody who presents one token at the same time gets
/// one successor, though neither is stored.
pub struct SuccessorKey(hmac::Key);

impl SuccessorKey {
    /// The key of an installation's secret.
    pub fn new(secret: &Secret<[u8; SECRET_BYTES]>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        // The secret seals keys too: this use has a key of its own.
        let own = hmac::sign(&root, b"authd refresh token successor");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// What comes after this token.
    pub fn successor(&self, token: &OpaqueToken) -> OpaqueToken {
        let mut bytes = Secret::new([0; RANDOM_BYTES]);
        let tag = hmac::sign(&self.0, token.expose().as_bytes());
        bytes.expose_mut().copy_from_slice(tag.as_ref());
        OpaqueToken::of(token.kind, bytes.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    fn token() -> OpaqueToken {
        OpaqueToken::generate(OpaqueKind::Refresh, &CountingRandom::default())
    }

    fn parses(text: &str) -> bool {
        OpaqueToken::parse(OpaqueKind::Refresh, text).is_some()
    }

    /// Security statement 53.
    #[test]
    fn a_token_that_was_cut_lengthened_or_changed_is_none() {
        let token = token();
        let text = token.expose();
        assert_eq!(text.len(), "authd_rt_".len() + 43 + 6);
        assert!(parses(text));
        for end in 0..text.len() {
            assert!(!parses(&text[..end]), "cut at {end}");
            assert!(!parses(&text[end + 1..]), "cut before {end}");
            for letter in ["A", "a", "_", "=", " ", "é", "\0"] {
                let changed = format!("{}{letter}{}", &text[..end], &text[end + 1..]);
                assert_eq!(parses(&changed), changed == text, "{changed}");
                let longer = format!("{}{letter}{}", &text[..end], &text[end..]);
                assert!(!parses(&longer), "{longer}");
            }
        }
        assert!(!parses(&text.to_uppercase()));
        assert!(!parses(&text.to_lowercase()) || text.to_lowercase() == text);
        let (left, right) = text.split_at(30);
        assert!(!parses(&format!("{right}{left}")));
        assert!(!parses(&format!("{text}{text}")));
    }

    #[test]
    fn one_kind_never_passes_for_another() {
        let text = token().expose().to_owned();
        for kind in [OpaqueKind::Api, OpaqueKind::ClientSecret] {
            assert!(OpaqueToken::parse(kind, &text).is_none());
            let renamed = text.replace("authd_rt_", kind.prefix());
            assert!(OpaqueToken::parse(kind, &renamed).is_none());
        }
    }

    #[test]
    fn a_successor_is_the_same_each_time_and_needs_the_secret() {
        let key = |byte: u8| SuccessorKey::new(&Secret::new([byte; SECRET_BYTES]));
        let token = token();
        let next = key(1).successor(&token);
        assert!(parses(next.expose()));
        assert_eq!(next.expose(), key(1).successor(&token).expose());
        assert_ne!(next.expose(), token.expose());
        assert_ne!(next.expose(), key(2).successor(&token).expose());
        assert_ne!(next.expose(), key(1).successor(&next).expose());
        assert!(!format!("{next:?}").contains(next.expose()));
    }
}

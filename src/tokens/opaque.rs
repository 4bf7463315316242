//! Tokens that say nothing: 256 random bits behind a prefix that people and secret scanners know.
//!
//! The prefix, letters of unpadded base64url, then 6 letters of CRC-32 over all before them, which
//! tells a mistyped or cut token without asking the database. Only a hash of the whole is ever
//! stored.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::account_code::Purpose;
use crate::domain::secret::Secret;
use crate::domain::sources::Random;

/// What a token is for; one kind never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueKind {
    /// Stands for a user or a client in scripts.
    Api,
    /// Proves who a client is.
    ClientSecret,
    /// Lets its bearer do one thing with an account, once.
    Code(Purpose),
}

/// SHA-256 of a whole token: what the database knows of it.
pub type TokenHash = [u8; 32];

/// Random bytes of a token.
pub(super) const RANDOM_BYTES: usize = 32;
/// Letters of the checksum.
const CHECK_LETTERS: usize = 6;

/// A token of the right form. Whether it was ever given out, the database knows.
#[derive(Clone, Debug)]
pub struct OpaqueToken(Secret<String>);

impl OpaqueKind {
    /// What every token of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Api => "authd_pat_",
            Self::ClientSecret => "authd_cs_",
            Self::Code(Purpose::PasswordReset) => "authd_reset_",
            Self::Code(Purpose::Invitation) => "authd_invite_",
            Self::Code(Purpose::EmailConfirmation) => "authd_confirm_",
            Self::Code(Purpose::EmailChange) => "authd_change_",
            Self::Code(Purpose::Registration) => "authd_register_",
        }
    }
}

impl OpaqueToken {
    /// A new one.
    pub fn generate(kind: OpaqueKind, random: &dyn Random) -> Self {
        let mut bytes = Secret::new([0; RANDOM_BYTES]);
        random.fill(bytes.expose_mut());
        Self(write(kind.prefix(), bytes.expose()))
    }

    /// Reads one; `None` if this is none of that kind.
    pub fn parse(kind: OpaqueKind, text: &str) -> Option<Self> {
        read::<RANDOM_BYTES>(kind.prefix(), text)?;
        Some(Self(Secret::new(text.to_owned())))
    }

    /// The token itself, to be given out once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        hash_of(self.expose())
    }
}

/// A token's text: prefix, bytes, checksum.
pub(super) fn write(prefix: &str, bytes: &[u8]) -> Secret<String> {
    let mut text = prefix.to_owned();
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text.push_str(&checksum(&text));
    Secret::new(text)
}

/// The bytes in a text that [`write`] made with this prefix; `None`: it did not.
pub(super) fn read<const BYTES: usize>(prefix: &str, text: &str) -> Option<Secret<[u8; BYTES]>> {
    let rest = text.strip_prefix(prefix)?;
    let (letters, check) = rest.split_at_checked(rest.len().checked_sub(CHECK_LETTERS)?)?;
    if check != checksum(&text[..text.len() - CHECK_LETTERS]) {
        return None;
    }
    let found = Secret::new(URL_SAFE_NO_PAD.decode(letters).ok()?);
    let mut bytes = Secret::new([0; BYTES]);
    if found.expose().len() != BYTES {
        return None;
    }
    bytes.expose_mut().copy_from_slice(found.expose());
    Some(bytes)
}

/// Whether `text` is the token with this stored hash. Takes the same time whatever differs, and
/// whether there is a hash at all.
pub fn is_stored(text: &str, stored: Option<&[u8]>) -> bool {
    let given = hash_of(text);
    let same = verify_slices_are_equal(&given, stored.unwrap_or(&[0; 32])).is_ok();
    same && stored.is_some()
}

pub(super) fn hash_of(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

fn checksum(text: &str) -> String {
    let letters = URL_SAFE_NO_PAD.encode(crc32fast::hash(text.as_bytes()).to_be_bytes());
    debug_assert_eq!(letters.len(), CHECK_LETTERS);
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    fn token() -> OpaqueToken {
        OpaqueToken::generate(OpaqueKind::Api, &CountingRandom::default())
    }

    fn parses(text: &str) -> bool {
        OpaqueToken::parse(OpaqueKind::Api, text).is_some()
    }

    /// Security statement 53.
    #[test]
    fn a_token_that_was_cut_lengthened_or_changed_is_none() {
        let token = token();
        let text = token.expose();
        assert_eq!(text.len(), "authd_pat_".len() + 43 + 6);
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
        let other = OpaqueKind::ClientSecret;
        assert!(OpaqueToken::parse(other, &text).is_none());
        let renamed = text.replace(OpaqueKind::Api.prefix(), other.prefix());
        assert!(OpaqueToken::parse(other, &renamed).is_none());
    }
}

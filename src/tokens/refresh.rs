//! Refresh tokens: 256 random bits, and where in the database their hash is to be found.
//!
//! The bytes are the session's id, the token's number in its session, and the secret; the form is that
//! of [`super::opaque`].

use aws_lc_rs::hmac;
use uuid::Uuid;

use super::opaque::{self, RANDOM_BYTES, TokenHash};
use super::seal::SECRET_BYTES;
use crate::domain::secret::Secret;
use crate::domain::session::SessionId;
use crate::domain::sources::Random;

const PREFIX: &str = "authd_rt_";
const ID_BYTES: usize = 16;
const GENERATION_BYTES: usize = 4;
const BYTES: usize = ID_BYTES + GENERATION_BYTES + RANDOM_BYTES;

/// A token of the right form. Whether it was ever given out, the database knows.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Whose token it says it is.
    pub session: SessionId,
    /// How many there were in this session before it.
    pub generation: u32,
    text: Secret<String>,
}

impl RefreshToken {
    /// The first of a session.
    pub fn first(session: SessionId, random: &dyn Random) -> Self {
        let mut secret = Secret::new([0; RANDOM_BYTES]);
        random.fill(secret.expose_mut());
        Self::of(session, 0, secret.expose())
    }

    /// Reads one; `None` if this is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = opaque::read::<BYTES>(PREFIX, text)?;
        let (id, rest) = bytes.expose().split_first_chunk::<ID_BYTES>()?;
        let (generation, _) = rest.split_first_chunk::<GENERATION_BYTES>()?;
        Some(Self {
            session: SessionId(Uuid::from_bytes(*id)),
            generation: u32::from_be_bytes(*generation),
            text: Secret::new(text.to_owned()),
        })
    }

    /// Whether the text wants to be a refresh token.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The token itself, to be given out.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        opaque::hash_of(self.expose())
    }

    fn of(session: SessionId, generation: u32, secret: &[u8; RANDOM_BYTES]) -> Self {
        let mut bytes = Secret::new([0; BYTES]);
        let (id, rest) = bytes.expose_mut().split_at_mut(ID_BYTES);
        let (number, random) = rest.split_at_mut(GENERATION_BYTES);
        id.copy_from_slice(session.0.as_bytes());
        number.copy_from_slice(&generation.to_be_bytes());
        random.copy_from_slice(secret);
        Self {
            session,
            generation,
            text: opaque::write(PREFIX, bytes.expose()),
        }
    }
}

/// Makes a token's successor: always the same one, and only for whoever has both the token and the
/// secret of the installation. So everybody who presents one token at the same time gets one
/// successor, though neither is stored.
pub struct SuccessorKey(hmac::Key);

impl SuccessorKey {
    /// The key of an installation's secret.
    pub fn new(secret: &Secret<[u8; SECRET_BYTES]>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        // The secret seals keys too: this use has a key of its own.
        let own = hmac::sign(&root, b"authd refresh token successor");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// What comes after this token; `None`: there were too many.
    pub fn successor(&self, token: &RefreshToken) -> Option<RefreshToken> {
        let mut secret = Secret::new([0; RANDOM_BYTES]);
        let tag = hmac::sign(&self.0, token.expose().as_bytes());
        secret.expose_mut().copy_from_slice(tag.as_ref());
        let generation = token.generation.checked_add(1)?;
        Some(RefreshToken::of(token.session, generation, secret.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    fn token() -> RefreshToken {
        let id = SessionId(Uuid::from_u128(7));
        RefreshToken::first(id, &CountingRandom::default())
    }

    /// Security statement 53.
    #[test]
    fn a_token_reads_as_it_was_written_and_half_of_one_does_not() {
        let token = token();
        let text = token.expose();
        let read = RefreshToken::parse(text).expect("is one");
        assert_eq!((read.session, read.generation), (token.session, 0));
        assert_eq!(read.hash(), token.hash());
        for end in 0..text.len() {
            assert!(RefreshToken::parse(&text[..end]).is_none(), "cut at {end}");
            for letter in ["A", "a", "_", "=", "é"] {
                let changed = format!("{}{letter}{}", &text[..end], &text[end + 1..]);
                assert!(RefreshToken::parse(&changed).is_none() || changed == text);
                let longer = format!("{}{letter}{}", &text[..end], &text[end..]);
                assert!(RefreshToken::parse(&longer).is_none(), "{longer}");
            }
        }
        assert!(RefreshToken::is_meant(text) && !RefreshToken::is_meant("authd_pat_"));
    }

    #[test]
    fn a_successor_is_the_same_each_time_and_needs_the_secret() {
        let key = |byte: u8| SuccessorKey::new(&Secret::new([byte; SECRET_BYTES]));
        let after = |byte: u8, token: &RefreshToken| key(byte).successor(token).expect("is one");
        let token = token();
        let next = after(1, &token);
        assert_eq!((next.session, next.generation), (token.session, 1));
        assert_eq!(next.expose(), after(1, &token).expose());
        let secret = |token: &RefreshToken| token.expose()[40..79].to_owned();
        assert_ne!(secret(&next), secret(&token));
        assert_ne!(secret(&next), secret(&after(2, &token)));
        assert_ne!(secret(&next), secret(&after(1, &next)));
        assert!(!format!("{next:?}").contains(next.expose()));
        let last = RefreshToken::of(token.session, u32::MAX, &[1; RANDOM_BYTES]);
        assert!(key(1).successor(&last).is_none());
    }
}

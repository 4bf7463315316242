//! Access tokens: what they say, how they are signed and checked, and the keys for it.

pub mod authorization;
pub mod claims;
pub mod cursor;
pub mod jws;
pub mod key;
pub mod memo;
pub mod opaque;
pub mod private;
pub mod refresh;
pub mod ring;
mod roca;
pub mod seal;
mod signer;
mod strength;
mod strict_json;

pub use claims::{Claims, TokenRules};
pub use cursor::CursorKey;
pub use jsonwebtoken::jwk::JwkSet;
pub use jws::TokenError;
pub use key::{KeyAlgorithm, KeyError, SigningKey, VerifyingKey};
pub use memo::{CheckedToken, CheckedTokens, Fingerprint};
pub use opaque::{OpaqueKind, OpaqueToken};
pub use refresh::{RefreshToken, SuccessorKey};
pub use ring::KeyRing;
pub use seal::{SealError, SealingKey};

//! What an access token says, and the rules it is held to.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::jws::{TokenError, Verified};
use super::strict_json::UniqueObject;
use crate::domain::claim::UserClaim;
use crate::domain::user::{User, UserId};

/// The claims of a token about to be signed, in the order they are written.
pub type ClaimSet = Map<String, Value>;

/// What this service writes into tokens, and asks of them.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// `iss`: exactly this.
    pub issuer: String,
    /// `aud`: exactly this, or a list with it.
    pub audience: String,
    /// Life of a new token, in seconds.
    pub ttl_secs: i64,
    /// How far clocks may differ, in seconds.
    pub leeway_secs: i64,
    /// User fields in new tokens.
    pub user_claims: Vec<UserClaim>,
}

/// The claims of a checked token.
#[derive(Debug)]
pub struct Claims {
    /// The account.
    pub subject: UserId,
    /// When it was issued, in Unix milliseconds.
    pub issued_at_ms: i64,
    /// The whole payload as signed, for whoever asked.
    pub payload: Box<RawValue>,
    issuer: String,
    audience: Vec<String>,
    expires_at_secs: i64,
    not_before_secs: i64,
}

impl TokenRules {
    /// The claims of a new token (RFC 9068, section 2.2): `iss sub aud iat exp jti`, then what
    /// the configuration adds.
    ///
    /// `jti` is a version 7 UUID of `now`: it carries the millisecond that `iat` has no room for.
    pub fn claims_for(&self, user: &User, now: Timestamp, jti: Uuid) -> ClaimSet {
        let issued_at = now.as_second();
        let mut claims = Map::new();
        claims.insert("iss".into(), self.issuer.as_str().into());
        claims.insert("sub".into(), user.id.to_string().into());
        claims.insert("aud".into(), self.audience.as_str().into());
        claims.insert("iat".into(), issued_at.into());
        claims.insert("exp".into(), (issued_at + self.ttl_secs).into());
        claims.insert("jti".into(), jti.to_string().into());
        for claim in &self.user_claims {
            claims.insert(claim.name().into(), claim.value(user));
        }
        claims
    }

    /// Whether the claims are for us and of this hour.
    pub fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        let now = now.as_second();
        if claims.issuer != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if !claims.audience.contains(&self.audience) {
            return Err(TokenError::WrongAudience);
        }
        if now > claims.expires_at_secs.saturating_add(self.leeway_secs) {
            return Err(TokenError::Expired);
        }
        if claims.not_before_secs > now.saturating_add(self.leeway_secs) {
            return Err(TokenError::NotYet);
        }
        Ok(())
    }
}

impl Claims {
    /// Reads the claims of a token whose signature was checked.
    pub fn parse(token: &Verified) -> Result<Self, TokenError> {
        if !token.header.is_access_token() {
            return Err(TokenError::WrongType);
        }
        Self::from_payload(&token.payload).ok_or(TokenError::BadClaims)
    }

    fn from_payload(payload: &[u8]) -> Option<Self> {
        let UniqueObject(mut claims) = serde_json::from_slice(payload).ok()?;
        let issued_at_secs = time(&claims, "iat")?;
        let jti: Uuid = claims.get("jti")?.as_str()?.parse().ok()?;
        let not_before_secs = match claims.get("nbf") {
            None => issued_at_secs,
            Some(_) => time(&claims, "nbf")?.max(issued_at_secs),
        };
        Some(Self {
            subject: claims.get("sub")?.as_str()?.parse().ok()?,
            issued_at_ms: issued_at_ms(issued_at_secs, jti),
            issuer: claims.get("iss")?.as_str()?.to_owned(),
            audience: audience(claims.remove("aud")?)?,
            expires_at_secs: time(&claims, "exp")?,
            not_before_secs,
            payload: serde_json::from_slice(payload).ok()?,
        })
    }
}

/// A `NumericDate` (RFC 7519, section 2); we write whole seconds and accept nothing else.
fn time(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    claims.get(name)?.as_i64().filter(|seconds| *seconds >= 0)
}

/// One audience or a list of them (RFC 7519, section 4.1.3).
fn audience(claim: Value) -> Option<Vec<String>> {
    match claim {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many
            .into_iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

/// The millisecond of issue: from `jti` where that is a version 7 UUID of the second in `iat`,
/// else the start of that second, which is the safe side when a session's end is compared.
fn issued_at_ms(issued_at_secs: i64, jti: Uuid) -> i64 {
    let from_jti = jti
        .get_timestamp()
        .filter(|_| jti.get_version_num() == 7)
        .map(|time| {
            let (seconds, nanos) = time.to_unix();
            (
                i64::try_from(seconds).unwrap_or(0),
                i64::from(nanos / 1_000_000),
            )
        });
    match from_jti {
        Some((seconds, millis)) if seconds == issued_at_secs => seconds * 1000 + millis,
        _ => issued_at_secs.saturating_mul(1000),
    }
}

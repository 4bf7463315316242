//! What an access token says, and the rules it is held to.

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::jws::{TokenError, Verified};
use super::strict_json::UniqueObject;
use crate::domain::claim::{self, UserClaim};
use crate::domain::client::ClientId;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
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

/// Who a new token stands for.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A user, for as long as the session lasts.
    User {
        /// The account.
        user: &'a User,
        /// What the login began.
        session: SessionId,
    },
    /// A client by itself.
    Client(&'a ClientId),
}

/// A token about to be issued.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// Who it stands for.
    pub holder: Holder<'a>,
    /// The client it is given to, where one is known.
    pub client: Option<&'a ClientId>,
    /// For whom it is; `None`: for whom all tokens are.
    pub audience: Option<&'a str>,
    /// What it may be used for.
    pub scope: &'a Scope,
    /// It ends then at the latest, in Unix seconds.
    pub ends_by_secs: i64,
}

/// Who a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An account, in a session.
    User {
        /// The account.
        id: UserId,
        /// The session; `None`: an API token, which belongs to none.
        session: Option<SessionId>,
    },
    /// A client by itself.
    Client(ClientId),
}

/// What is known of a good API token.
#[derive(Debug)]
pub struct ApiClaims {
    /// Who it stands for.
    pub subject: Subject,
    /// The client it stands for, if it is one.
    pub client: Option<ClientId>,
    /// For whom it is.
    pub audience: Vec<String>,
    /// What it may be used for.
    pub scope: Scope,
    /// Its own id.
    pub jti: Uuid,
    /// When it was made, in Unix milliseconds.
    pub issued_at_ms: i64,
    /// When it ends, in Unix seconds; `None`: never.
    pub expires_at_secs: Option<i64>,
}

/// The claims of a checked token.
#[derive(Debug)]
pub struct Claims {
    /// Who it stands for.
    pub subject: Subject,
    /// The client it was given to, where one is known.
    pub client: Option<ClientId>,
    /// What it may be used for.
    pub scope: Scope,
    /// Its own id.
    pub jti: Uuid,
    /// When it was issued, in Unix milliseconds.
    pub issued_at_ms: i64,
    /// When it ends, in Unix seconds; [`Claims::NEVER`] for an API token that does not.
    pub expires_at_secs: i64,
    /// The whole payload as signed, for whoever asked; of an API token, what a signed one would say.
    pub payload: Box<RawValue>,
    issuer: String,
    audience: Vec<String>,
    not_before_secs: i64,
}

impl TokenRules {
    /// The claims of a new token (RFC 9068, section 2.2): `iss sub aud iat exp jti`, then `sid`,
    /// `client_id` and `scope` as far as there are such, then what the configuration adds.
    ///
    /// `jti` is a version 7 UUID of `now`: it carries the millisecond that `iat` has no room for.
    pub fn claims_for(&self, new: NewToken<'_>, now: Timestamp, jti: Uuid) -> ClaimSet {
        let issued_at = now.as_second();
        let subject = match new.holder {
            Holder::User { user, .. } => user.id.to_string(),
            Holder::Client(id) => id.to_string(),
        };
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", self.issuer.as_str().into());
        claim("sub", subject.into());
        claim("aud", new.audience.unwrap_or(&self.audience).into());
        claim("iat", issued_at.into());
        claim("exp", self.expiry_of(&new, now).into());
        claim("jti", jti.to_string().into());
        if let Holder::User { session, .. } = new.holder {
            claim("sid", session.to_string().into());
        }
        if let Some(client) = new.client {
            claim("client_id", client.as_str().into());
        }
        if !new.scope.is_empty() {
            claim("scope", new.scope.to_string().into());
        }
        if let Holder::User { user, .. } = new.holder {
            for (name, value) in self.user_claims.iter().filter_map(|of| of.of(user)) {
                claim(name, value);
            }
            let own = claim::own_fields(&self.user_claims, user);
            if !own.is_empty() {
                claim("fields", own.into());
            }
        }
        claims
    }

    /// The claims that an API token has, though nobody signs them.
    pub fn api_claims(&self, token: ApiClaims) -> Claims {
        let issued_at = token.issued_at_ms.div_euclid(1000);
        let subject = match &token.subject {
            Subject::User { id, .. } => id.to_string(),
            Subject::Client(id) => id.to_string(),
        };
        let audience = match &token.audience[..] {
            [one] => one.as_str().into(),
            many => many.into(),
        };
        let mut payload = Map::new();
        let mut claim = |name: &str, value: Value| payload.insert(name.to_owned(), value);
        claim("iss", self.issuer.as_str().into());
        claim("sub", subject.into());
        claim("aud", audience);
        claim("iat", issued_at.into());
        if let Some(end) = token.expires_at_secs {
            claim("exp", end.into());
        }
        claim("jti", token.jti.to_string().into());
        if let Some(client) = &token.client {
            claim("client_id", client.as_str().into());
        }
        if !token.scope.is_empty() {
            claim("scope", token.scope.to_string().into());
        }
        Claims {
            subject: token.subject,
            client: token.client,
            scope: token.scope,
            jti: token.jti,
            issued_at_ms: token.issued_at_ms,
            expires_at_secs: token.expires_at_secs.unwrap_or(Claims::NEVER),
            payload: to_raw_value(&payload).expect("a map of texts and numbers serialises"),
            issuer: self.issuer.clone(),
            audience: token.audience,
            not_before_secs: issued_at,
        }
    }

    /// When a new token ends, in Unix seconds.
    pub fn expiry_of(&self, new: &NewToken<'_>, now: Timestamp) -> i64 {
        (now.as_second() + self.ttl_secs).min(new.ends_by_secs)
    }

    /// Whether the claims are from us and of this hour, whoever they are for.
    pub fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
        let now = now.as_second();
        if claims.issuer != self.issuer {
            return Err(TokenError::WrongIssuer);
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
    /// The end of what has none.
    pub const NEVER: i64 = i64::MAX;

    /// Whether it is for this audience, among others maybe.
    pub fn is_for(&self, audience: &str) -> bool {
        self.audience.iter().any(|one| one == audience)
    }

    /// Who it is from.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For whom it is.
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

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
        let client: Option<ClientId> = match claims.get("client_id") {
            None => None,
            Some(id) => Some(id.as_str()?.parse().ok()?),
        };
        Some(Self {
            subject: subject(&claims, client.as_ref())?,
            client,
            scope: match claims.get("scope") {
                None => Scope::default(),
                Some(scope) => scope.as_str()?.parse().ok()?,
            },
            jti,
            issued_at_ms: issued_at_ms(issued_at_secs, jti),
            issuer: claims.get("iss")?.as_str()?.to_owned(),
            audience: audience(claims.remove("aud")?)?,
            expires_at_secs: time(&claims, "exp")?,
            not_before_secs,
            payload: serde_json::from_slice(payload).ok()?,
        })
    }
}

/// A user has an id that no client can have, and a session; a client is its own client.
fn subject(claims: &Map<String, Value>, client: Option<&ClientId>) -> Option<Subject> {
    let subject = claims.get("sub")?.as_str()?;
    match (subject.parse(), claims.get("sid")) {
        (Ok(id), Some(session)) => Some(Subject::User {
            id,
            session: Some(session.as_str()?.parse().ok()?),
        }),
        (Err(_), None) => client
            .filter(|client| client.as_str() == subject)
            .cloned()
            .map(Subject::Client),
        _ => None,
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

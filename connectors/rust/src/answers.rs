//! What authd answers, read strictly: what does not fit is not from authd.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Trouble;

/// A JSON object.
pub(crate) type Json = Map<String, Value>;

/// The greatest version and cursor that there can be.
const GREATEST: u64 = i64::MAX as u64;

/// An account as authd has it, or as a token tells of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct User {
    /// A UUID, which is never given to somebody else.
    pub id: String,
    /// Empty where a token does not say it.
    pub email: String,
    /// False stops every token at once.
    pub is_active: bool,
    /// Position of its latest change in the sequence of all changes; 0: a token said so, whenever that was.
    pub version: i64,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// Everything, as it came.
    pub raw: Json,
}

impl User {
    /// The key of an older service, where this authd knows one.
    pub fn external_id(&self) -> Option<&str> {
        self.raw
            .get("external_id")?
            .as_str()
            .filter(|id| !id.is_empty())
    }

    /// Whether the address may be taken for the person: not if authd says that nobody has confirmed it.
    #[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
    pub(crate) fn may_be_known_by_email(&self) -> bool {
        let confirmed = self.raw.get("email_verified").unwrap_or(&Value::Bool(true));
        !self.email.is_empty() && *confirmed == Value::Bool(true)
    }

    /// What a token tells of its user: who it is, and what `tokens.claims` adds.
    pub(crate) fn of_claims(claims: &Json) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut raw = claims.clone();
        raw.insert("id".into(), text("sub").into());
        Self {
            id: text("sub").into(),
            email: text("email").into(),
            is_active: true,
            version: 0,
            groups: names_of(claims, "groups"),
            raw,
        }
    }
}

/// The names in a claim of a token, which may lack it.
pub(crate) fn names_of(claims: &Json, claim: &str) -> Vec<String> {
    let names = claims.get(claim).and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(Into::into).collect()
}

/// A good token and who is behind it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Verification {
    /// `None`: a client by itself.
    pub user: Option<User>,
    /// What the account may do, as authd said it; offline, as of the token's issue, if `tokens.claims` has it.
    pub permissions: Vec<String>,
    /// What the token says.
    pub claims: Json,
    /// Seconds for which authd lets the answer be kept.
    pub max_age: u64,
    /// Position of the latest change to the account, or the client.
    pub version: i64,
    pub(crate) etag: String,
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("user", &self.user.as_ref().map(|user| &user.id))
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Verification {
    /// Whether the token is for this; one without scopes is for whatever its user may do.
    pub fn has_scope(&self, name: &str) -> bool {
        let mut scopes = self
            .claim("scope")
            .unwrap_or_default()
            .split(' ')
            .filter(|one| !one.is_empty())
            .peekable();
        scopes.peek().is_none() && self.user.is_some() || scopes.any(|one| one == name)
    }

    /// Whether the account may do this.
    pub fn has_permission(&self, name: &str) -> bool {
        self.permissions.iter().any(|one| one == name)
    }

    /// Whether the account is in this group.
    pub fn is_in_group(&self, name: &str) -> bool {
        self.user
            .as_ref()
            .is_some_and(|user| user.groups.iter().any(|one| one == name))
    }

    /// A claim that is a text.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// Something that no verdict made before may outlive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// `user`, `session`, `token`, `key`, `client`.
    pub kind: String,
    /// What a token says of it.
    pub id: String,
    /// Its place in the sequence of all changes.
    pub version: i64,
}

/// A change of an account.
#[derive(Clone, Debug, PartialEq)]
pub enum UserChange {
    /// It is so now.
    Is(Box<User>),
    /// It is no more.
    Deleted {
        /// Which it was.
        id: String,
        /// Its place in the sequence of all changes.
        version: i64,
    },
}

/// Some changes of accounts, and where to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserPage {
    /// In their order.
    pub changes: Vec<UserChange>,
    /// What comes after it is asked for next.
    pub cursor: i64,
    /// Whether there is more already.
    pub more: bool,
}

/// Some changes, and where to go on.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<C> {
    pub(crate) changes: Vec<C>,
    #[serde(deserialize_with = "count")]
    pub(crate) cursor: i64,
    pub(crate) more: bool,
}

/// The body, if it is JSON of this form.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|_| Trouble::NotOurs("the body is not what it should be"))
}

#[derive(Deserialize)]
struct Account {
    id: String,
    email: String,
    is_active: bool,
    #[serde(deserialize_with = "count")]
    version: i64,
    groups: Vec<String>,
    #[expect(dead_code, reason = "it must be there")]
    fields: Json,
}

fn user(raw: Json) -> Result<User, Trouble> {
    let read: Account = serde_json::from_value(Value::Object(raw.clone()))
        .map_err(|_| Trouble::NotOurs("its user is none"))?;
    if !is_user_id(&read.id) {
        return Err(Trouble::NotOurs("the user's id is not a UUID"));
    }
    Ok(User {
        id: read.id,
        email: read.email,
        is_active: read.is_active,
        version: read.version,
        groups: read.groups,
        raw,
    })
}

#[derive(Deserialize)]
struct Verified {
    active: bool,
    user: Option<Json>,
    client: Option<Json>,
    permissions: Vec<String>,
    claims: Json,
    #[serde(deserialize_with = "count")]
    version: i64,
    #[serde(deserialize_with = "count")]
    max_age: i64,
}

/// An answer of `/auth/verify`.
pub(crate) fn verification(body: &[u8], etag: &str) -> Result<Verification, Trouble> {
    let found: Verified = read(body)?;
    if !found.active {
        return Err(Trouble::NotOurs("it does not say that the token is active"));
    }
    let subject = found.claims.get("sub").and_then(Value::as_str);
    let subject = subject.ok_or(Trouble::NotOurs("the claims have no subject"))?;
    let user = found.user.map(user).transpose()?;
    match &user {
        Some(user) if user.id != subject => {
            return Err(Trouble::NotOurs("its user is not the token's"));
        }
        Some(user) if !user.is_active => return Err(Trouble::NotOurs("its user is not active")),
        None if found.client.is_none() => return Err(Trouble::NotOurs("nobody is behind it")),
        _ => {}
    }
    Ok(Verification {
        user,
        permissions: found.permissions,
        claims: found.claims,
        max_age: found.max_age.unsigned_abs(),
        version: found.version,
        etag: etag.into(),
    })
}

#[derive(Deserialize)]
struct AccountChange {
    #[serde(deserialize_with = "count")]
    version: i64,
    user: Option<Json>,
    deleted: Option<Tombstone>,
}

#[derive(Deserialize)]
struct Tombstone {
    id: String,
}

/// A page of `/users/changes`.
pub(crate) fn user_changes(body: &[u8]) -> Result<UserPage, Trouble> {
    let page: Page<AccountChange> = read(body)?;
    let changes = page
        .changes
        .into_iter()
        .map(|one| match (one.user, one.deleted) {
            (Some(raw), None) => Ok(UserChange::Is(Box::new(user(raw)?))),
            (None, Some(Tombstone { id })) => Ok(UserChange::Deleted {
                id,
                version: one.version,
            }),
            _ => Err(Trouble::NotOurs(
                "a change is neither a user nor a deleted one",
            )),
        });
    Ok(UserPage {
        changes: changes.collect::<Result<_, _>>()?,
        cursor: page.cursor,
        more: page.more,
    })
}

/// Whether this is the id of an account: a UUID as authd writes it.
pub(crate) fn is_user_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let found = u64::deserialize(deserializer)?;
    let found = if found <= GREATEST {
        i64::try_from(found).ok()
    } else {
        None
    };
    found.ok_or_else(|| serde::de::Error::custom("too great"))
}

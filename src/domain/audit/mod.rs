//! What is written down for whoever asks later: who did what, to whom, from where, with what result.

mod action;

use std::fmt::Display;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::api_token::ApiTokenId;
use crate::domain::authority::Authority;
use crate::domain::client::ClientId;
use crate::domain::group::GroupId;
use crate::domain::permission::PermissionName;
use crate::domain::session::SessionId;
use crate::domain::user::UserId;

pub use action::{Action, ActionError};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// Whoever asked for it may not.
    Denied,
    /// It was not done for another reason, such as a wrong password.
    Failed,
}

impl Outcome {
    /// What it goes by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user, by a token or a password.
    User(UserId),
    /// Another service.
    Client(ClientId),
    /// Somebody at the machine, by the name of their account there.
    Operator(String),
    /// Somebody who has not shown who they are.
    Anonymous,
    /// The daemon, by itself.
    Daemon,
}

impl Who {
    /// Which of them.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Client(_) => "client",
            Self::Operator(_) => "operator",
            Self::Anonymous => "anonymous",
            Self::Daemon => "daemon",
        }
    }

    /// Its id, or the operator's name.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::User(id) => Some(id.to_string()),
            Self::Client(id) => Some(id.to_string()),
            Self::Operator(name) => Some(name.clone()),
            Self::Anonymous | Self::Daemon => None,
        }
    }
}

impl From<&Authority> for Who {
    fn from(authority: &Authority) -> Self {
        match authority {
            Authority::Operator(name) => Self::Operator(name.clone()),
            Authority::User(bearer) => Self::User(bearer.user.id),
            Authority::Client(id, _) => Self::Client(id.clone()),
        }
    }
}

/// Who, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub who: Who,
    /// The client's address, where there is one.
    pub address: Option<IpAddr>,
}

impl By {
    /// The daemon itself.
    pub const DAEMON: Self = Self {
        who: Who::Daemon,
        address: None,
    };
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        Self {
            who: (&actor.authority).into(),
            address: actor.address,
        }
    }
}

/// What is about to be written down: all but by whom, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// To which account.
    pub user: Option<UserId>,
    /// To or through which client.
    pub client: Option<ClientId>,
    /// To which session.
    pub session: Option<SessionId>,
    /// To which token: the id of an API token, the `jti` of a signed one.
    pub token: Option<Uuid>,
    /// To which signing key.
    pub key: Option<String>,
    /// To which group.
    pub group: Option<GroupId>,
    /// Which permission was given, taken, added or deleted.
    pub permission: Option<PermissionName>,
    /// What else is worth knowing: names and marks, never a secret, and never a person's data.
    pub detail: Map<String, Value>,
}

impl Entry {
    /// Names in one list of a detail take no more than that, and one of them.
    const MAX_NAMES_BYTES: usize = 1000;

    /// Something that was done.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            outcome: Outcome::Ok,
            user: None,
            client: None,
            session: None,
            token: None,
            key: None,
            group: None,
            permission: None,
            detail: Map::new(),
        }
    }

    /// The same with another end.
    #[must_use]
    pub fn ended(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// The same about an account.
    #[must_use]
    pub fn user(self, id: UserId) -> Self {
        Self {
            user: Some(id),
            ..self
        }
    }

    /// The same about a client.
    #[must_use]
    pub fn client(self, id: &ClientId) -> Self {
        Self {
            client: Some(id.clone()),
            ..self
        }
    }

    /// The same about a session.
    #[must_use]
    pub fn session(self, id: SessionId) -> Self {
        Self {
            session: Some(id),
            ..self
        }
    }

    /// The same about an API token.
    #[must_use]
    pub fn api_token(self, id: ApiTokenId) -> Self {
        Self {
            token: Some(id.0),
            ..self
        }
    }

    /// The same about a signing key.
    #[must_use]
    pub fn key(self, kid: &str) -> Self {
        Self {
            key: Some(kid.to_owned()),
            ..self
        }
    }

    /// The same about a permission.
    #[must_use]
    pub fn permission(self, name: &PermissionName) -> Self {
        Self {
            permission: Some(name.clone()),
            ..self
        }
    }

    /// Adds what is worth knowing.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.detail.insert(name.to_owned(), value.into());
    }

    /// Adds names, if there are any. Of more than fit it says how many there are in all.
    pub fn note_names(&mut self, name: &str, names: impl IntoIterator<Item = impl Display>) {
        let (mut kept, mut bytes, mut count) = (Vec::new(), 0, 0);
        for name in names {
            count += 1;
            if bytes < Self::MAX_NAMES_BYTES {
                let name = name.to_string();
                bytes += name.len();
                kept.push(name);
            }
        }
        if kept.len() < count {
            self.note(&format!("{name}_in_all"), count);
        }
        if count > 0 {
            self.note(name, kept);
        }
    }
}

/// What was written down.
///
/// Names are texts here, because a release shows what any other has written.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct Event {
    /// Its place: 1, 2, 3 and so on, without gaps.
    #[schema(example = 4711)]
    pub number: i64,
    /// A version 7 UUID.
    #[schema(format = Uuid)]
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What was done.
    #[schema(example = "user.changed")]
    pub event: String,
    /// `ok`; `denied`: whoever asked may not; `failed`: not done for another reason.
    #[schema(example = "ok")]
    pub result: String,
    /// `user`, `client`, `operator` (of authctl), `anonymous` or `daemon`; `unknown` in events of old releases.
    #[schema(example = "user")]
    pub actor_kind: String,
    /// Id of the user or client, name of the operator.
    #[schema(required = true)]
    pub actor_id: Option<String>,
    /// From which IP address.
    #[schema(required = true)]
    pub address: Option<String>,
    /// To which account.
    #[schema(required = true, format = Uuid)]
    pub user_id: Option<String>,
    /// To or through which client.
    #[schema(required = true)]
    pub client_id: Option<String>,
    /// To which session.
    #[schema(required = true, format = Uuid)]
    pub session_id: Option<String>,
    /// To which token: the id of an API token, the `jti` of a signed one.
    #[schema(required = true, format = Uuid)]
    pub token_id: Option<String>,
    /// To which signing key.
    #[schema(required = true)]
    pub key_id: Option<String>,
    /// To which group.
    #[schema(required = true, format = Uuid)]
    pub group_id: Option<String>,
    /// Which permission was given, taken, added or deleted.
    #[schema(required = true)]
    pub permission: Option<String>,
    /// What else is worth knowing, such as the names of what changed.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// SHA-256 over the event before and this one, in hexadecimal.
    pub hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_is_bounded_and_says_how_many_there_were() {
        let mut entry = Entry::new(Action::UserChanged);
        entry.note_names("left", Vec::<String>::new());
        entry.note_names("joined", ["a", "b"]);
        entry.note_names("changed", (0..1000).map(|number| format!("{number:0>150}")));
        let text = Value::Object(entry.detail).to_string();
        assert!(text.starts_with(r#"{"joined":["a","b"],"changed_in_all":1000,"#));
        assert!(text.len() < 1500, "{}", text.len());
    }
}

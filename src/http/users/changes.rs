//! `GET /users/changes`: accounts as they change, for services that keep a copy.

use jiff::Timestamp;
use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::user::{User, UserId};
use crate::http::App;
use crate::http::bearer;
use crate::http::caller;
use crate::http::pages::List;
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::http::waiting;
use crate::service::account_feed::{self, AccountFeedError};
use crate::store::users::AccountChange;

/// Some changes, and where to go on.
#[derive(Serialize, ToSchema)]
#[schema(as = UserChanges)]
pub(in crate::http) struct Reply<'a> {
    /// In their order; of an account its latest alone.
    changes: Vec<Shown<'a>>,
    /// Give this as `since` next time.
    cursor: i64,
    /// Whether there is more already.
    more: bool,
}

/// An account as it is now, or the trace of one that was deleted.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UserChange)]
pub(in crate::http) enum Shown<'a> {
    /// It is so now.
    Is {
        /// Position in the sequence of all changes.
        version: i64,
        /// The account.
        user: &'a User,
    },
    /// It is no more.
    Deleted {
        /// Position in the sequence of all changes.
        version: i64,
        /// Which it was.
        deleted: Tombstone,
    },
}

/// What is left of an account.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Tombstone {
    /// Never used again.
    id: UserId,
    /// When it was deleted; whole seconds.
    #[schema(value_type = String, format = DateTime)]
    deleted_at: Timestamp,
}

/// Give accounts in the order of their latest changes, deletions among them
///
/// Needs `users.view`. From `since=0` on that is every account there is; whoever goes on from `cursor` each
/// time misses no change. 410: the cursor lies in the future, as after a restored backup: read everything anew from 0.
#[utoipa::path(
    get, path = "/users/changes", operation_id = "userChanges", tag = "users", security(("bearer" = [])),
    params(
        ("since" = Option<i64>, Query, description = "The `cursor` of the last answer; by default 0"),
        ("wait" = Option<String>, Query, description = "Where there is nothing yet, wait for it so long, as `30s`; 1 minute at most"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; by default 100"),
    ),
    responses(
        (status = 200, description = "The changes", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "The cursor is from the future: `cursor` says where to begin again", body = ProblemBody, content_type = "application/problem+json"),
        waiting::TooManyWait,
        bearer::Refused,
    ),
)]
pub(in crate::http) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let list = List::read(request, &["since", "wait"])?;
    let since = list.parsed("since")?.unwrap_or(0);
    let patience = waiting::patience(list.find("wait"))?;
    let page = account_feed::after(&app.services, &desk, since, list.limit()?, patience)?;
    Ok(Response::json(&Reply {
        changes: page.changes.iter().map(shown).collect(),
        cursor: page.cursor,
        more: page.more,
    }))
}

fn shown(change: &AccountChange) -> Shown<'_> {
    match change {
        AccountChange::Is(user) => Shown::Is {
            version: user.version,
            user,
        },
        AccountChange::Deleted { id, at, version } => Shown::Deleted {
            version: *version,
            deleted: Tombstone {
                id: *id,
                deleted_at: *at,
            },
        },
    }
}

impl From<AccountFeedError> for Problem {
    fn from(error: AccountFeedError) -> Self {
        match error {
            AccountFeedError::FromTheFuture => Self::new(
                Code::Gone,
                "The cursor is from the future: read everything anew, from 'cursor'.",
            )
            .with_cursor(0),
            AccountFeedError::Denied(denied) => denied.into(),
            AccountFeedError::TooMany(error) => error.into(),
            AccountFeedError::Store(error) => error.into(),
        }
    }
}

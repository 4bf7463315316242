//! `GET /auth/revocations`: what changed, for services that keep verdicts.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::oauth::client_auth;
use super::problem::{Code, Problem, ProblemBody};
use super::waiting;
use crate::service::feed::{self, FeedError, Page};
use crate::store::changes::Change;

/// Some changes, and where to go on.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocations)]
pub(super) struct Reply<'a> {
    /// In their order.
    changes: Vec<Shown<'a>>,
    /// Give this as `since` next time.
    cursor: i64,
    /// Whether there is more already.
    more: bool,
}

/// Something that no verdict made before may outlive.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(super) struct Shown<'a> {
    /// Its place in the sequence of all changes.
    version: i64,
    /// `user`: another verify answer, or none any more. `session`: ended. `token`: revoked. `key`:
    /// retired or revoked. `client`: changed, disabled or deleted.
    #[schema(example = "session")]
    kind: &'static str,
    /// What a token says of it: `sub` for a user, `sid`, `jti`, `kid` in its header; for a client `sub`
    /// or `client_id`, whichever names it.
    id: &'a str,
}

/// Give what ended and whose verify answer changed, in the order it happened
///
/// For services that keep verdicts as long as the token lives: whoever follows this drops a revoked
/// session within a second. Without `since` it says where to begin. 410 says where to begin again
/// after all verdicts were dropped: what came after the cursor is not known any more.
///
/// A verdict that was asked for before a change came may be older than the change: keep none that was
/// on its way then. Where verify reads from a replica, keep none that was asked for within
/// `database.max_staleness` after a change. 64 may wait at a time, the next is told 503; 16 of them for one
/// client, its next is told 429.
#[utoipa::path(
    get, path = "/auth/revocations", operation_id = "revocations", tag = "auth", security(("client" = []), ("bearer" = [])),
    params(
        ("since" = Option<i64>, Query, description = "The `cursor` of the last answer"),
        ("wait" = Option<String>, Query, description = "Where there is nothing yet, wait for it so long, as `30s`; 1 minute at most"),
    ),
    responses(
        (status = 200, description = "Up to 1000 changes", body = Reply),
        (status = 401, description = "No client; see WWW-Authenticate", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "The cursor is too old, or from the future: `cursor` says where to begin again", body = ProblemBody, content_type = "application/problem+json"),
        waiting::TooManyWait,
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let client = client_auth::caller(app, request, None)?;
    let page = match request.get_param("since") {
        None => feed::start(&app.services.store)?,
        Some(since) => {
            let since = since.parse().map_err(|_| bad("since", "a number"))?;
            let wait = request.get_param("wait");
            let patience = waiting::patience(wait.as_deref())?;
            feed::wait(&app.services, client.id, since, patience)?
        }
    };
    Ok(reply(&page))
}

fn bad(name: &str, wanted: &str) -> Problem {
    let detail = format!("The parameter '{name}' must be {wanted}.");
    Problem::new(Code::InvalidRequest, detail)
}

fn reply(page: &Page) -> Response {
    Response::json(&Reply {
        changes: page.changes.iter().map(shown).collect(),
        cursor: page.cursor,
        more: page.more,
    })
}

fn shown(change: &Change) -> Shown<'_> {
    Shown {
        version: change.version,
        kind: change.kind.name(),
        id: &change.id,
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone { cursor } => Self::new(
                Code::Gone,
                "The cursor is too old, or from the future: drop what you keep and go on from 'cursor'.",
            )
            .with_cursor(cursor),
            FeedError::TooMany(error) => error.into(),
            FeedError::Store(error) => error.into(),
        }
    }
}

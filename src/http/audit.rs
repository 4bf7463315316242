//! `GET /audit`: what was done.

use jiff::Timestamp;
use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem, ProblemBody};
use super::{App, bearer, caller};
use crate::domain::audit::{Action, Event};
use crate::domain::user::UserRef;
use crate::service::audit::{self, AuditError, Wanted};

/// Events on a page at most.
const MAX_LIMIT: u32 = 1000;

/// Some events.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvents)]
pub(super) struct Reply {
    /// In their order.
    events: Vec<Event>,
    /// Give this as `after` for the next page; null: there is nothing more by now.
    #[schema(required = true)]
    next: Option<i64>,
}

/// List what was done, by whom, to whom, from where and with what result
///
/// For whoever has the permission `audit.view`. Events have numbers without gaps: `after` with the
/// number of the last one seen gives what was done since.
#[utoipa::path(
    get, path = "/audit", operation_id = "audit", tag = "audit", security(("bearer" = [])),
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "Only events after this number"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most so many; 100 if not given"),
        ("user" = Option<String>, Query, description = "Only what was done to this account, or by it: id or e-mail address"),
        ("action" = Option<String>, Query, description = "Only these events, as `user.changed`"),
        ("since" = Option<String>, Query, description = "Only from this time on (RFC 3339)"),
    ),
    responses(
        (status = 200, description = "The events", body = Reply),
        (status = 403, description = "The caller may not see what was done", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no account of that address", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = app.services.managed_by(caller::actor(app, request)?);
    let after = parameter(request, "after", "a number from 0 on", |text| {
        text.parse().ok().filter(|number: &i64| *number >= 0)
    })?;
    let limit = parameter(request, "limit", "a number from 1 to 1000", |text| {
        text.parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
    })?;
    let wanted = Wanted {
        user: parameter(request, "user", "an id or an e-mail address", |text| {
            text.parse::<UserRef>().ok()
        })?,
        action: parameter(request, "action", "the name of an event", |text| {
            text.parse::<Action>().ok()
        })?,
        since: parameter(
            request,
            "since",
            "a time, as 2026-11-25T10:00:00Z",
            |text| text.parse::<Timestamp>().ok(),
        )?,
    };
    let page = audit::list(&desk, &wanted, after.unwrap_or(0), limit.unwrap_or(100))?;
    Ok(Response::json(&Reply {
        events: page.events,
        next: page.next,
    }))
}

/// A parameter of the query, if it is there.
fn parameter<T>(
    request: &Request,
    name: &str,
    wanted: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = request.get_param(name) else {
        return Ok(None);
    };
    let bad = || {
        let detail = format!("The parameter '{name}' must be {wanted}.");
        Problem::new(Code::InvalidRequest, detail)
    };
    read(&text).map(Some).ok_or_else(bad)
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::NoAccount(_) => {
                Self::new(Code::NotFound, "There is no account of that address.")
            }
            AuditError::Denied(denied) => denied.into(),
            AuditError::Store(error) => error.into(),
            error @ (AuditError::Broken(_) | AuditError::Lost(_)) => {
                Self::internal().because(error)
            }
        }
    }
}

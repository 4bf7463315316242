//! Codes for the accounts of others, mailed to their addresses: whoever asks for one never sees it
//! (statement 80). Links to pass on are `authctl`'s.

use jiff::Timestamp;
use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::domain::user::UserRef;
use crate::http::App;
use crate::http::bearer;
use crate::http::caller;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::account_codes::CodeError;
use crate::service::account_codes::managed::{AccountCodes, Delivery, Issued};

/// A letter that is on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = MailedCode)]
pub(in crate::http) struct Reply {
    /// Until when the code in it is good.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Mail somebody a page to choose the first password
///
/// Needs `users.change`, and that the account may no more than the caller.
#[utoipa::path(
    post, path = "/users/{id}/invitation", operation_id = "inviteUser", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 202, description = "On its way", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The account has a password already or is disabled, or mail is off", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn invite(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    mail(app, request, id, AccountCodes::invite)
}

/// Mail somebody a page to choose another password
///
/// The present one is good until then. Needs `users.change`, and that the account may no more than the
/// caller.
#[utoipa::path(
    post, path = "/users/{id}/password-reset", operation_id = "startPasswordReset", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 202, description = "On its way", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The account has no password yet or is disabled, or mail is off", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn reset(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    mail(app, request, id, AccountCodes::reset)
}

/// Mail somebody a page to confirm the address
///
/// Needs `users.change`, and that the account may no more than the caller.
#[utoipa::path(
    post, path = "/users/{id}/email-confirmation", operation_id = "startEmailConfirmation", tag = "users", security(("bearer" = [])),
    params(("id" = String, Path, format = Uuid, description = "The account's id")),
    responses(
        (status = 202, description = "On its way", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The account is disabled, or mail is off", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn confirm(
    app: &App,
    request: &Request,
    id: &str,
) -> Result<Response, Problem> {
    mail(app, request, id, AccountCodes::confirm_email)
}

fn mail(
    app: &App,
    request: &Request,
    id: &str,
    make: fn(&AccountCodes, &UserRef, Delivery) -> Result<Issued, CodeError>,
) -> Result<Response, Problem> {
    let codes = app.services.account_codes(caller::actor(app, request)?);
    let Issued { expires_at, .. } = make(&codes, &named(id)?, Delivery::Mail)?;
    Ok(Response::json(&Reply { expires_at }).with_status_code(202))
}

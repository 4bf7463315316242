//! `/auth/email`: confirming an address, and changing it.

use rouille::{Request, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Accepted, accepted};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::values::Values;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{App, bearer, body, origin};
use crate::service::account_codes::addresses;

/// A code that was mailed to an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailConfirmation)]
pub(in crate::http) struct Confirmation {
    /// The code, as the page was given it.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
}

/// Confirm an address with a code
///
/// With one of `/auth/email/change` the account has this address from now on, its other codes end, and
/// the old address is told.
#[utoipa::path(
    post, path = "/auth/email/confirm", operation_id = "confirmEmail", tag = "account", request_body = Confirmation,
    responses(
        (status = 204, description = "Confirmed"),
        (status = 409, description = "Another account has the address by now", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The code is not good: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(in crate::http) fn confirm(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Confirmation = body::json(request)?;
    let address = origin::address_of(app, request);
    addresses::confirm(&app.services, body.token.expose(), address)?;
    Ok(Response::empty_204())
}

/// Another address for the caller's account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailChange)]
pub(in crate::http) struct Change {
    /// The address to be.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The account's password.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Ask for another address for the caller's account
///
/// A page that confirms it is mailed there, and the present address is told. Until it is confirmed
/// nothing changes. The answer is the same if another account has the address: its owner is told. It takes
/// a token of a session, without a scope.
#[utoipa::path(
    post, path = "/auth/email/change", operation_id = "changeEmail", tag = "account", security(("bearer" = [])), request_body = Change,
    responses(
        (status = 202, description = "Seen to", body = Accepted),
        (status = 422, description = "The password is wrong, or it is no address: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The token is a client's or an API token, or it has a scope", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
        body::Refused,
    ),
)]
pub(in crate::http) fn change(app: &App, request: &Request) -> Result<Response, Problem> {
    let caller = bearer::user(app, request)?;
    let body: Change = body::json(request)?;
    let mut values = Values::default();
    let email = values.read("email", Some(&body.email));
    values.check()?;
    if let Some(email) = email {
        let password = Password::new(body.password.expose());
        let by = caller.owner(origin::address_of(app, request));
        addresses::request_change(&app.services, &by, &password, email)?;
    }
    Ok(accepted(
        "A page that confirms the new address is mailed to it. Until then nothing changes.",
    ))
}

//! `/auth/password/reset`: another password, by mail.

use rouille::{Request, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Accepted, accepted};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{App, body, origin};
use crate::service::account_codes::passwords;

/// Who has forgotten a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordReset)]
pub(in crate::http) struct Wanted {
    /// The account's e-mail address, in any letter case.
    #[schema(example = "ada@example.com")]
    email: String,
}

/// Ask for another password
///
/// If the address has an account that can log in, it is mailed a page to choose one. The answer is the
/// same if not, and takes the same time. One letter a minute is sent to a person.
#[utoipa::path(
    post, path = "/auth/password/reset", operation_id = "resetPassword", tag = "account", request_body = Wanted,
    responses(
        (status = 202, description = "Seen to", body = Accepted),
        (status = 429, description = "Too many letters were asked for from this address, whether there are such accounts or not; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(in crate::http) fn request(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Wanted = body::json(request)?;
    let address = origin::address_of(app, request);
    passwords::request_reset(&app.services, &body.email, address)?;
    Ok(accepted(
        "If there is an account with this address, a page to choose another password is mailed to it.",
    ))
}

/// A code, and the password to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordResetConfirmation)]
pub(in crate::http) struct Confirmation {
    /// The code, as the page was given it.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// The new password.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Choose a password with a code
///
/// With one of `/auth/password/reset`, of an administrator, or of an invitation. Every session of the
/// account ends, and every other code.
#[utoipa::path(
    post, path = "/auth/password/reset/confirm", operation_id = "confirmPasswordReset", tag = "account", request_body = Confirmation,
    responses(
        (status = 204, description = "Log in with it from now on"),
        (status = 422, description = "The code is not good, or the password breaks a rule: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(in crate::http) fn confirm(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Confirmation = body::json(request)?;
    let password = Password::new(body.password.expose());
    let address = origin::address_of(app, request);
    passwords::set_password(&app.services, body.token.expose(), &password, address)?;
    Ok(Response::empty_204())
}

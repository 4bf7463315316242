//! `/auth/users/..._password` of djoser.

use rouille::{Request, Response};
use utoipa::ToSchema;

use super::body::Fields;
use super::caller;
use super::refusal::{self, Refusal, Refused};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::values::sentence;
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::account_codes::{CodeError, passwords};
use crate::service::accounts::AccountError;
use crate::service::own_password::{self, PasswordChange, PasswordChangeError};

/// The password so far, and from now on.
#[derive(ToSchema)]
#[schema(as = DjangoPasswordChange)]
pub(super) struct Change {
    /// The password so far.
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
    /// The password from now on.
    #[schema(value_type = String, format = Password)]
    new_password: Secret<String>,
}

/// Who has forgotten a password, or wants a letter once more.
#[derive(ToSchema)]
#[schema(as = DjangoAddress)]
pub(super) struct Address {
    /// The account's e-mail address, in any letter case.
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    pub(super) email: Email,
}

/// A code from a letter, and the password to be.
#[derive(ToSchema)]
#[schema(as = DjangoPasswordReset)]
pub(super) struct Reset {
    /// Anything: the code says whose it is.
    #[expect(dead_code, reason = "has to be there, and nothing hangs on it")]
    uid: String,
    /// The code.
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// The password from now on.
    #[schema(value_type = String, format = Password)]
    new_password: Secret<String>,
}

/// Change the caller's password
///
/// All other sessions end, and every code that was mailed. It takes a token of a session, without a scope.
#[utoipa::path(
    post, path = "/auth/users/set_password", operation_id = "djoserSetPassword", tag = "django", security(("bearer" = [])),
    request_body(content((Change = "application/json"), (Change = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "The current password is another, or the new one breaks a rule", body = refusal::FieldErrors),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's or an API token, or it has a scope", body = refusal::Body),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn set(app: &App, request: &Request) -> Result<Response, Refused> {
    let caller = caller::user(app, request)?;
    let Change {
        current_password,
        new_password,
    } = change(&mut Fields::read(request)?)?;
    let change = PasswordChange {
        by: caller.owner(origin::address_of(app, request)),
        current: &Password::new(current_password.expose()),
        new: &Password::new(new_password.expose()),
    };
    own_password::change(&app.services, &change).map_err(|error| match error {
        PasswordChangeError::WrongPassword => {
            Refusal::field("current_password", "Invalid password.").into()
        }
        error => Refused::Problem(error.into()),
    })?;
    Ok(Response::empty_204())
}

/// Ask for another password by mail
///
/// The answer is the same whether there is such an account or not.
#[utoipa::path(
    post, path = "/auth/users/reset_password", operation_id = "djoserResetPassword", tag = "django",
    request_body(content((Address = "application/json"), (Address = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Seen to"),
        (status = 400, description = "It is no address", body = refusal::FieldErrors),
        (status = 401, description = "There is a token, and it is not good", body = refusal::Body),
        (status = 429, description = "Too many letters were asked for from this address; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn reset(app: &App, request: &Request) -> Result<Response, Refused> {
    caller::present(app, request)?;
    let Address { email } = address(&mut Fields::read(request)?)?;
    let from = origin::address_of(app, request);
    passwords::request_reset(&app.services, email.as_str(), from).map_err(Problem::from)?;
    Ok(Response::empty_204())
}

/// Choose a password with a code
#[utoipa::path(
    post, path = "/auth/users/reset_password_confirm", operation_id = "djoserConfirmPasswordReset", tag = "django",
    request_body(content((Reset = "application/json"), (Reset = "application/x-www-form-urlencoded"))),
    responses(
        (status = 204, description = "Log in with it from now on"),
        (status = 400, description = "The code is not good, or the password breaks a rule", body = refusal::FieldErrors),
        (status = 401, description = "There is a token, and it is not good", body = refusal::Body),
    ),
)]
pub(super) fn confirm(app: &App, request: &Request) -> Result<Response, Refused> {
    caller::present(app, request)?;
    let Reset {
        token,
        new_password,
        ..
    } = choice(&mut Fields::read(request)?)?;
    let password = Password::new(new_password.expose());
    let from = origin::address_of(app, request);
    passwords::set_password(&app.services, token.expose(), &password, from).map_err(|error| {
        match error {
            CodeError::Account(AccountError::Policy(error)) => {
                Refusal::field("new_password", sentence(&error)).into()
            }
            error => of_code(error),
        }
    })?;
    Ok(Response::empty_204())
}

/// Why a code was of no use.
pub(super) fn of_code(error: CodeError) -> Refused {
    match error {
        CodeError::Dead => Refusal::field("token", "Invalid token for given user.").into(),
        error => Refused::Problem(error.into()),
    }
}

/// The address in a body.
pub(super) fn address(fields: &mut Fields) -> Result<Address, Refused> {
    let email = fields.email("email");
    email
        .map(|email| Address { email })
        .ok_or_else(|| fields.refused())
}

fn change(fields: &mut Fields) -> Result<Change, Refused> {
    let (current, new) = (
        fields.secret("current_password"),
        fields.secret("new_password"),
    );
    match (current, new) {
        (Some(current_password), Some(new_password)) => Ok(Change {
            current_password,
            new_password,
        }),
        _ => Err(fields.refused()),
    }
}

fn choice(fields: &mut Fields) -> Result<Reset, Refused> {
    let (uid, token) = (fields.text("uid"), fields.secret("token"));
    match (uid, token, fields.secret("new_password")) {
        (Some(uid), Some(token), Some(new_password)) => Ok(Reset {
            uid,
            token,
            new_password,
        }),
        _ => Err(fields.refused()),
    }
}

//! `/auth/password/change`: the caller's password.

use rouille::{Request, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem, ProblemBody};
use super::{App, bearer, body, origin};
use crate::domain::password::Password;
use crate::domain::secret::Secret;
use crate::domain::values::sentence;
use crate::passwords::PoolError;
use crate::service::own_password::{self, PasswordChange, PasswordChangeError};

/// The password so far, and from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(super) struct Body {
    /// The password so far.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
    /// The password from now on.
    #[serde(deserialize_with = "body::secret")]
    #[schema(value_type = String, format = Password)]
    new_password: Secret<String>,
}

/// Change the password of the account behind the bearer token
///
/// All its other sessions end, and every code that it was mailed. The session of this token goes on, and so
/// do API tokens. It takes a token of a session, without a scope.
#[utoipa::path(
    post, path = "/auth/password/change", operation_id = "changePassword", tag = "auth", security(("bearer" = [])), request_body = Body,
    responses(
        (status = 204, description = "Changed"),
        (status = 403, description = "The token is a client's or an API token, or it has a scope", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The current password is another, or the new one breaks a rule: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many passwords were wrong; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(super) fn change(app: &App, request: &Request) -> Result<Response, Problem> {
    let caller = bearer::user(app, request)?;
    let body: Body = body::json(request)?;
    let change = PasswordChange {
        by: caller.owner(origin::address_of(app, request)),
        current: &Password::new(body.current_password.expose()),
        new: &Password::new(body.new_password.expose()),
    };
    own_password::change(&app.services, &change)?;
    Ok(Response::empty_204())
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        let of = |member: &str| {
            let sentences = vec![sentence(&error)];
            Self::invalid([(member.to_owned(), sentences)].into())
        };
        match error {
            PasswordChangeError::Token(_) => Self::new(Code::Forbidden, sentence(&error)),
            PasswordChangeError::WrongPassword => of("current_password"),
            PasswordChangeError::Policy(_) => of("new_password"),
            PasswordChangeError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            PasswordChangeError::Hashing(PoolError::Busy) => {
                Self::overloaded("Too many passwords are being checked; try again later.")
            }
            PasswordChangeError::Hashing(_) => Self::internal().because(error),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

//! `/auth/password`, `/auth/email` and `/auth/register`: what people do for themselves, with codes.

pub(super) mod addresses;
pub(super) mod page;
pub(super) mod passwords;
pub(super) mod registration;

use rouille::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem};
use crate::domain::values::sentence;
use crate::service::account_codes::CodeError;
use crate::service::post::PostError;

/// What is answered whatever comes of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Accepted)]
struct Accepted {
    /// What happens now, for people.
    detail: &'static str,
}

fn accepted(detail: &'static str) -> Response {
    Response::json(&Accepted { detail }).with_status_code(202)
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        let of = |field: &str| Self::invalid([(field.to_owned(), vec![sentence(&error)])].into());
        match error {
            CodeError::Dead => of("token"),
            CodeError::WrongPassword => of("password"),
            CodeError::TooMany(secs) => Self::too_many_wrong_passwords(secs),
            CodeError::TooManyLetters(secs) => Self::too_many_requests(sentence(&error), secs),
            CodeError::Closed | CodeError::Token(_) => Self::new(Code::Forbidden, sentence(&error)),
            CodeError::HasPassword(_)
            | CodeError::NoPassword(_)
            | CodeError::Inactive(_)
            | CodeError::NoMail => Self::new(Code::Conflict, sentence(&error)),
            CodeError::Post(PostError::Full) => {
                Self::overloaded("Too many letters wait to be sent; try again later.")
                    .because(error)
            }
            CodeError::Post(_) => Self::internal().because(error),
            CodeError::Account(error) => error.into(),
        }
    }
}

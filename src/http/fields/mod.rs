//! `/fields`: what accounts have beside what every account has.

pub(super) mod list;
pub(super) mod one;

use rouille::{Request, Response};
use serde_json::Value;
use utoipa::ToSchema;

use super::App;
use super::caller;
use super::preconditions;
use super::problem::{Code, Problem};
use crate::domain::field::{Field, Input};
use crate::domain::values::sentence;
use crate::service::fields::FieldError;
use crate::service::management::Management;

/// A field as its JSON has it: see [`Field`].
#[derive(ToSchema)]
#[schema(as = Field)]
#[expect(dead_code, reason = "it is there for the API's document alone")]
pub(in crate::http) struct Described {
    /// Accounts have it under this name in `fields`.
    name: String,
    /// What people call it. May be empty.
    label: String,
    /// string, int, bool, date, datetime, email, phone, url, enum or json.
    #[schema(rename = "type")]
    kind: String,
    /// Whether every account has a value.
    required: bool,
    /// Whether no two accounts have the same.
    unique: bool,
    /// Whether accounts are found by it quickly.
    indexed: bool,
    /// What an account gets that is made without a value.
    #[schema(required = true)]
    default: Option<Value>,
    /// Of an enum, what it may be.
    #[schema(required = true)]
    choices: Option<Vec<String>>,
    /// Of a text, the most characters.
    #[schema(required = true)]
    max_length: Option<u32>,
    /// Of a text, what all of it must be like.
    #[schema(required = true)]
    pattern: Option<String>,
    /// Of what has an order, the least.
    #[schema(required = true)]
    min: Option<Value>,
    /// Of what has an order, the greatest.
    #[schema(required = true)]
    max: Option<Value>,
    /// Whether accounts see it of themselves.
    self_read: bool,
    /// Whether accounts change it themselves.
    self_write: bool,
    /// Whether access tokens carry it.
    in_token: bool,
    /// When it was made; whole seconds.
    #[schema(format = DateTime)]
    created_at: String,
    /// Position of its latest change in the sequence of all changes.
    version: i64,
}

fn desk(app: &App, request: &Request) -> Result<Management, Problem> {
    Ok(app.services.managed_by(caller::actor(app, request)?))
}

/// A field with its version as entity tag.
fn shown(field: &Field) -> Response {
    preconditions::tagged(Response::json(field), field.version)
}

/// A value, or none where that is null.
fn given(value: Value) -> Option<Input> {
    (!value.is_null()).then_some(Input::Json(value))
}

fn none() -> Problem {
    Problem::new(Code::NotFound, "There is no such field.")
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::NotFound(_) => none(),
            FieldError::Definition(error) => {
                let sentences = vec![sentence(&error)];
                Self::invalid([(error.member().to_owned(), sentences)].into())
            }
            FieldError::Broken(broken) => {
                let detail =
                    format!("Nothing was changed, and is only with 'force=true': {broken}.");
                Self::new(Code::Conflict, detail)
            }
            FieldError::TooMany | FieldError::Unfit(_) => {
                Self::new(Code::Conflict, sentence(&error))
            }
            FieldError::Changed(version) => preconditions::failed(version),
            FieldError::Denied(denied) => denied.into(),
            FieldError::Store(error) => error.into(),
        }
    }
}

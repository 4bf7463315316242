//! `GET /fields` and `POST /fields`.

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Described, desk, given, shown};
use crate::domain::field::{Field, Spec};
use crate::domain::values::Values;
use crate::http::App;
use crate::http::bearer;
use crate::http::body;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::fields;

/// Every field that there is: 100 at most.
#[derive(Serialize, ToSchema)]
#[schema(as = Fields)]
pub(in crate::http) struct Reply {
    /// By their names.
    #[schema(value_type = Vec<Described>)]
    fields: Vec<Field>,
}

/// List the installation's own fields by their names
///
/// Needs `users.view`.
#[utoipa::path(
    get, path = "/fields", operation_id = "listFields", tag = "fields", security(("bearer" = [])),
    responses(
        (status = 200, description = "The fields", body = Reply),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn list(app: &App, request: &Request) -> Result<Response, Problem> {
    let fields = fields::list(&desk(app, request)?)?;
    Ok(Response::json(&Reply { fields }))
}

/// A field to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewField)]
pub(in crate::http) struct Body {
    /// A lower-case letter, then letters, digits and `_`.
    #[schema(example = "department")]
    name: String,
    /// string, int, bool, date, datetime, email, phone, url, enum or json.
    #[serde(rename = "type")]
    #[schema(example = "string")]
    kind: String,
    /// What people call it.
    #[serde(default)]
    label: String,
    /// Every account must have a value: refused while some have none, unless there is a default.
    #[serde(default)]
    required: bool,
    /// No two accounts may have the same.
    #[serde(default)]
    unique: bool,
    /// Accounts are often looked for by it.
    #[serde(default)]
    indexed: bool,
    /// What accounts have that are made without a value, and all that are there now.
    #[serde(default)]
    #[schema(required = false)]
    default: Value,
    /// Of an enum, what it may be.
    #[serde(default)]
    choices: Option<Vec<String>>,
    /// Of a string, email or url, the most characters.
    #[serde(default)]
    max_length: Option<u32>,
    /// Of a string, email or url, a regular expression that all of it must match.
    #[serde(default)]
    pattern: Option<String>,
    /// Of an int, date or datetime, the least.
    #[serde(default)]
    #[schema(required = false)]
    min: Value,
    /// Of an int, date or datetime, the greatest.
    #[serde(default)]
    #[schema(required = false)]
    max: Value,
    /// Accounts see it of themselves.
    #[serde(default)]
    self_read: bool,
    /// Accounts change it themselves, and so see it.
    #[serde(default)]
    self_write: bool,
    /// Access tokens carry it.
    #[serde(default)]
    in_token: bool,
}

/// Add a field that every account has from now on
///
/// For superusers. With a default, every account has that at once.
#[utoipa::path(
    post, path = "/fields", operation_id = "addField", tag = "fields", security(("bearer" = [])), request_body = Body,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "Names this request: sent again with it within a day, it is not carried out again and is answered the same")),
    responses(
        (status = 201, description = "The field", body = Described, headers(("ETag" = String), ("Location" = String))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name, there is no room for another, or accounts would lack a value", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(in crate::http) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let body: Body = body::json(request)?;
    let mut values = Values::default();
    let name = values.read("name", Some(&body.name));
    let kind = values.read("type", Some(&body.kind));
    let label = values.read("label", Some(&body.label));
    values.check()?;
    let (Some(name), Some(kind), Some(label)) = (name, kind, label) else {
        return Err(Problem::internal());
    };
    let spec = Spec {
        kind,
        label,
        required: body.required,
        unique: body.unique,
        indexed: body.indexed,
        default: given(body.default),
        choices: body.choices.unwrap_or_default(),
        max_length: body.max_length,
        pattern: body.pattern,
        min: given(body.min),
        max: given(body.max),
        self_read: body.self_read,
        self_write: body.self_write,
        in_token: body.in_token,
    };
    let field = fields::add(&desk, name, spec)?;
    let place = format!("/fields/{}", field.name);
    let response = shown(&field).with_status_code(201);
    Ok(response.with_additional_header("Location", place))
}

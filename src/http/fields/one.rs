//! `/fields/{name}`: one field.

use rouille::{Request, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Described, desk, given, none, shown};
use crate::domain::field::{FieldChange, FieldName};
use crate::domain::label::Label;
use crate::domain::values::{Nullable, Values, present};
use crate::http::App;
use crate::http::bearer;
use crate::http::body;
use crate::http::pages::List;
use crate::http::preconditions;
use crate::http::problem::{Problem, ProblemBody};
use crate::service::fields::{self, Force};

/// Give a field
///
/// Needs `users.view`.
#[utoipa::path(
    get, path = "/fields/{name}", operation_id = "field", tag = "fields", security(("bearer" = [])),
    params(("name" = String, Path, description = "The field's name")),
    responses(
        (status = 200, description = "The field", body = Described, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such field", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn read(app: &App, request: &Request, name: &str) -> Result<Response, Problem> {
    Ok(shown(&fields::find(&desk(app, request)?, &named(name)?)?))
}

/// What is to be changed of a field (RFC 7396): what is absent stays as it is, and so does the type.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FieldPatch)]
pub(in crate::http) struct Body {
    /// Another name; in a request of its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    name: Option<String>,
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    label: Option<String>,
    /// Whether every account must have a value; those without one are given the default.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    required: Option<bool>,
    /// Whether no two accounts may have the same.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    unique: Option<bool>,
    /// Whether accounts are often looked for by it.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    indexed: Option<bool>,
    /// What accounts have that are made without a value; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    default: Option<Value>,
    /// Of an enum, what it may be.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, required = false)]
    choices: Option<Nullable<Vec<String>>>,
    /// Of a string, email or url, the most characters; null for no such rule.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, required = false)]
    max_length: Option<Nullable<u32>>,
    /// Of a string, email or url, a regular expression that all of it must match; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, required = false)]
    pattern: Option<Nullable<String>>,
    /// Of an int, date or datetime, the least; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    min: Option<Value>,
    /// Of an int, date or datetime, the greatest; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    max: Option<Value>,
    /// Whether accounts see it of themselves.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    self_read: Option<bool>,
    /// Whether accounts change it themselves.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    self_write: Option<bool>,
    /// Whether access tokens carry it.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false)]
    in_token: Option<bool>,
}

impl Body {
    fn change(self, label: Option<Label>) -> FieldChange {
        FieldChange {
            label,
            required: self.required,
            unique: self.unique,
            indexed: self.indexed,
            default: self.default.map(given),
            choices: self.choices.map(|choices| choices.0.unwrap_or_default()),
            max_length: self.max_length.map(|length| length.0),
            pattern: self.pattern.map(|pattern| pattern.0),
            min: self.min.map(given),
            max: self.max.map(given),
            self_read: self.self_read,
            self_write: self.self_write,
            in_token: self.in_token,
        }
    }
}

/// Change the rules of a field, or its name
///
/// For superusers. Accounts that have what the new rules do not allow are named with their number, and
/// nothing changes, unless `force` says so: then they keep what they have. With another `name` accounts
/// have in it what they had.
#[utoipa::path(
    patch, path = "/fields/{name}", operation_id = "changeField", tag = "fields", security(("bearer" = [])),
    params(
        ("name" = String, Path, description = "The field's name"),
        ("force" = Option<bool>, Query, description = "Change it though accounts break the new rules"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the field as it was seen"),
    ),
    request_body(content((Body = "application/merge-patch+json"), (Body = "application/json"))),
    responses(
        (status = 200, description = "The field as it is now", body = Described, headers(("ETag" = String, description = "Its version"))),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such field", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is one of that name, or accounts break the new rules", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The field has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values break rules: see `errors`", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
        bearer::Refused,
    ),
)]
pub(in crate::http) fn change(
    app: &App,
    request: &Request,
    name: &str,
) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    let body: Body = body::patch(request)?;
    let force = match List::read(request, &["force"])?.flag("force")? {
        Some(true) => Force::Yes,
        _ => Force::No,
    };
    let version = preconditions::version(request)?;
    let name = named(name)?;
    let mut values = Values::default();
    let to: Option<FieldName> = values.read("name", body.name.as_deref());
    let label = values.read("label", body.label.as_deref());
    let change = body.change(label);
    let to = to.filter(|to| *to != name);
    if to.is_some() && !change.is_empty() {
        values.refuse("name", &"a field is renamed in a request of its own");
    }
    values.check()?;
    let field = match to {
        Some(to) => fields::rename(&desk, name, version, to)?,
        None => fields::change(&desk, name, version, change, force)?.field,
    };
    Ok(shown(&field))
}

/// Remove a field, with what accounts have in it
///
/// For superusers.
#[utoipa::path(
    delete, path = "/fields/{name}", operation_id = "deleteField", tag = "fields", security(("bearer" = [])),
    params(
        ("name" = String, Path, description = "The field's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the field as it was seen"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "The caller may not", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such field", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The field has changed: `ETag` says what its version is", body = ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(in crate::http) fn delete(
    app: &App,
    request: &Request,
    name: &str,
) -> Result<Response, Problem> {
    let desk = desk(app, request)?;
    fields::delete(&desk, named(name)?, preconditions::version(request)?)?;
    Ok(Response::empty_204())
}

/// The field that a path names.
fn named(name: &str) -> Result<FieldName, Problem> {
    name.parse().map_err(|_| none())
}

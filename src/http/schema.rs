//! `GET /api/schema`: the OpenAPI 3.1 document, made from the types of the handlers.

use std::sync::{Arc, LazyLock};

use rouille::{Request, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, PathItem, RefOr};
use utoipa::{Modify, OpenApi};

use super::account::{addresses, page, passwords, registration};
use super::oauth::error::ErrorBody;
use super::oauth::{introspect, metadata, revoke, token};
use super::problem::{self, Problem, ProblemBody};
use super::{
    App, audit, bearer, django, docs, fields, forward, graphql, groups, health, jwks, login,
    logout, me, own_fields, password, permissions, refresh, revocations, sessions, users, verify,
};
use crate::config::CompatConfig;
use crate::service::made_of_fields::MadeOfFields;
use crate::store::Store;

/// Everything there is.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "authd",
        description = "Who is logging in, and is this bearer token good and who is behind it right now?",
    ),
    paths(
        login::create, refresh::create, logout::create, sessions::list, sessions::delete,
        verify::read, verify::create, verify::batch, revocations::list, me::read, me::change, password::change, forward::decide,
        passwords::request, passwords::confirm, addresses::confirm, addresses::change,
        registration::request, registration::confirm, page::password, page::address,
        page::registration, page::script,
        users::changes::list, users::list::list, users::list::create, users::one::read, users::one::change, users::one::delete,
        users::sessions::list, users::sessions::delete, users::codes::invite, users::codes::reset,
        users::codes::confirm, users::permissions::list,
        users::permissions::grant, users::permissions::revoke,
        groups::list, groups::create, groups::read, groups::change, groups::delete, groups::add_member,
        groups::remove_member, groups::grant, groups::revoke,
        permissions::list, permissions::create, permissions::delete,
        fields::list::list, fields::list::create, fields::one::read, fields::one::change, fields::one::delete,
        audit::list, jwks::read, token::create, introspect::create, revoke::create, metadata::read,
        metadata::read_for_openid,
        graphql::create, graphql::page, graphql::file,
        health::live, health::ready, read, docs::index, docs::asset,
    ),
    tags(
        (name = "auth", description = "Logging in and verifying"),
        (name = "account", description = "What people do for themselves, by mail"),
        (name = "sessions", description = "What a login began, and ending it"),
        (name = "users", description = "Managing accounts"),
        (name = "groups", description = "Managing groups and permissions"),
        (name = "fields", description = "What accounts have beside what every account has"),
        (name = "audit", description = "What was done, by whom"),
        (name = "graphql", description = "All of this in one schema"),
        (name = "oauth", description = "For other services, by the standards"),
        (name = "keys", description = "Verifying offline"),
        (name = "health", description = "For orchestrators"),
        (name = "documents", description = "This document and its page"),
    ),
    components(schemas(verify::Body, logout::Body, ProblemBody, ErrorBody)),
    modifiers(&Schemes, &AnyMethod, &Refusals),
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let basic = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("A client's id and secret"))
            .build();
        components.add_security_scheme("client", SecurityScheme::Http(basic));
    }
}

/// `/auth/forward` answers any method as it does `GET`; the document has a place for these.
struct AnyMethod;

impl Modify for AnyMethod {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let Some(item) = document.paths.paths.get_mut("/auth/forward") else {
            return;
        };
        let get = item.get.clone();
        let named = |id: &str| {
            let mut operation = get.clone()?;
            operation.operation_id = Some(id.to_owned());
            Some(operation)
        };
        item.put = named("forwardPut");
        item.post = named("forwardPost");
        item.delete = named("forwardDelete");
        item.options = named("forwardOptions");
        item.head = named("forwardHead");
        item.patch = named("forwardPatch");
    }
}

/// What any request may be answered with, whatever it asks for.
pub(super) const REFUSALS: [(&str, &str); 6] = [
    ("400", "The request, or its body, is not well-formed"),
    ("408", "The body took too long to arrive"),
    ("413", "The body is too large"),
    ("431", "The header is too large"),
    ("500", "The service failed"),
    (
        "503",
        "The service is overloaded, or the database cannot be used; see Retry-After",
    ),
];

struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut openapi::OpenApi) {
        answer_any(document, REFUSALS, |description| {
            problem::response(description).into()
        });
    }
}

/// Gives every operation these answers, unless it has its own words for one.
pub(super) fn answer_any(
    document: &mut openapi::OpenApi,
    answers: impl IntoIterator<Item = (&'static str, &'static str)> + Clone,
    response: impl Fn(&'static str) -> RefOr<openapi::Response>,
) {
    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            put,
            post,
            patch,
            delete,
            options,
            head,
            ..
        } = item;
        let operations = [get, put, post, patch, delete, options, head];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            for (status, description) in answers.clone() {
                let known = responses.entry(status.into());
                known.or_insert_with(|| response(description));
            }
        }
    }
}

static PLAIN: LazyLock<Texts> = LazyLock::new(|| texts(&document()));
static WITH_DJANGO: LazyLock<Texts> = LazyLock::new(|| texts(&django::added_to(document())));

fn texts(document: &openapi::OpenApi) -> Texts {
    Texts {
        yaml: document.to_yaml().expect("the document serialises"),
        json: document.to_json().expect("the document serialises"),
    }
}

/// The document.
pub(super) fn document() -> openapi::OpenApi {
    Document::openapi()
}

/// The document as YAML.
pub fn openapi_yaml() -> &'static str {
    &PLAIN.yaml
}

/// The document with the installation's own fields.
#[derive(Default)]
pub(super) struct TypedDocument(MadeOfFields<Texts>);

struct Texts {
    yaml: String,
    json: String,
}

impl TypedDocument {
    /// As it is now; `None`: there are no own fields.
    fn current(&self, store: &Store, compat: CompatConfig) -> Result<Option<Arc<Texts>>, Problem> {
        self.0.current(store, |fields| {
            let document = own_fields::added_to(document(), fields);
            let document = if compat.django {
                django::added_to(document)
            } else {
                document
            };
            let failed = |error: &dyn std::fmt::Display| {
                tracing::error!(%error, "the API's document could not be written");
                Problem::internal()
            };
            Ok(Texts {
                yaml: document.to_yaml().map_err(|error| failed(&error))?,
                json: document.to_json().map_err(|error| failed(&error))?,
            })
        })
    }
}

/// Give this document: YAML, or JSON with `?format=json`
///
/// With a good bearer token it has the installation's own fields with their types, as they are now. What an
/// installation calls them is not for everybody.
#[utoipa::path(
    get, path = "/api/schema", operation_id = "schema", tag = "documents",
    params(("format" = Option<String>, Query, description = "`json` for JSON; anything else is YAML")),
    responses((
        status = 200, description = "OpenAPI 3.1",
        content((serde_json::Value = "application/yaml"), (serde_json::Value = "application/json")),
    )),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let typed = if bearer::is_good(app, request)? {
        app.document
            .current(&app.services.store, app.server.compat)?
    } else {
        None
    };
    let texts = match &typed {
        Some(texts) => texts,
        None if app.server.compat.django => &*WITH_DJANGO,
        None => &*PLAIN,
    };
    Ok(match request.get_param("format").as_deref() {
        Some("json") => Response::from_data("application/json", texts.json.as_bytes()),
        _ => Response::from_data("application/yaml", texts.yaml.as_bytes()),
    })
}

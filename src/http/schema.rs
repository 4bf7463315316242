//! `GET /api/schema`: the OpenAPI 3.1 document, made from the types of the handlers.

use std::sync::LazyLock;

use rouille::{Request, Response};
use utoipa::openapi::PathItem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::account::{addresses, page, passwords, registration};
use super::oauth::error::ErrorBody;
use super::oauth::{introspect, metadata, revoke, token};
use super::problem::{self, Problem, ProblemBody};
use super::{
    App, audit, docs, fields, forward, graphql, groups, health, jwks, login, logout, me, password,
    permissions, refresh, revocations, sessions, users, verify,
};

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
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
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
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
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
const REFUSALS: [(&str, &str); 6] = [
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
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
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
                for (status, description) in REFUSALS {
                    let responses = &mut operation.responses.responses;
                    let response = || problem::response(description).into();
                    responses.entry(status.into()).or_insert_with(response);
                }
            }
        }
    }
}

static YAML: LazyLock<String> =
    LazyLock::new(|| document().to_yaml().expect("the document serialises"));
static JSON: LazyLock<String> =
    LazyLock::new(|| document().to_json().expect("the document serialises"));

/// The document.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The document as YAML.
pub fn openapi_yaml() -> &'static str {
    &YAML
}

/// Give this document: YAML, or JSON with `?format=json`
#[utoipa::path(
    get, path = "/api/schema", operation_id = "schema", tag = "documents",
    params(("format" = Option<String>, Query, description = "`json` for JSON; anything else is YAML")),
    responses((
        status = 200, description = "OpenAPI 3.1",
        content((serde_json::Value = "application/yaml"), (serde_json::Value = "application/json")),
    )),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(super) fn read(_: &App, request: &Request) -> Result<Response, Problem> {
    Ok(match request.get_param("format").as_deref() {
        Some("json") => Response::from_data("application/json", JSON.as_bytes()),
        _ => Response::from_data("application/yaml", YAML.as_bytes()),
    })
}

//! `/graphql`: carries requests to `graphql/` and answers back, as "GraphQL over HTTP" says; and the page
//! for people, with assets from the binary.

use rouille::{Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::App;
use super::problem::{Code, Problem, ProblemBody};
use super::{answer, bearer, body, docs, origin};
use crate::domain::secret::Secret;
use crate::graphql::{Answer, Graphql, Question};

/// What says itself what is wrong by its HTTP status.
const OF_GRAPHQL: &str = "application/graphql-response+json";

/// The page runs its own scripts and talks to this service, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

const PAGE: &str = include_str!("graphiql/index.html");

/// What the page needs: its name, its type, itself.
const FILES: [(&str, &str, &[u8]); 6] = [
    (
        "graphiql.min.css",
        "text/css",
        include_bytes!("graphiql/graphiql.min.css"),
    ),
    (
        "graphiql.min.js",
        "text/javascript",
        include_bytes!("graphiql/graphiql.min.js"),
    ),
    ("page.css", "text/css", include_bytes!("graphiql/page.css")),
    (
        "react.production.min.js",
        "text/javascript",
        include_bytes!("graphiql/react.production.min.js"),
    ),
    (
        "react-dom.production.min.js",
        "text/javascript",
        include_bytes!("graphiql/react-dom.production.min.js"),
    ),
    (
        "start.js",
        "text/javascript",
        include_bytes!("graphiql/start.js"),
    ),
];

/// A request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GraphqlRequest)]
pub(super) struct Body {
    /// The document.
    #[schema(example = "{ me { email } }")]
    query: String,
    /// Which of its operations, if there are several.
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    /// Values for the operation's variables.
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// Not looked at.
    #[serde(default, rename = "extensions")]
    #[schema(value_type = Option<Object>)]
    _extensions: Option<Map<String, Value>>,
}

/// The answer to a request.
#[derive(ToSchema)]
#[schema(as = GraphqlAnswer)]
#[expect(
    dead_code,
    reason = "for the API's document; `graphql/` makes the answer"
)]
pub(super) struct Reply {
    /// What was asked for; absent if nothing was executed.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// What went wrong, with a code of the other routes in `extensions.code`.
    #[schema(value_type = Option<Vec<Object>>)]
    errors: Option<Value>,
}

/// Answer a GraphQL request
///
/// The schema is `docs/schema.graphql`, and what it can do is in `docs/graphql.md`. Fields that need a
/// bearer token say so in `errors`. One request at a time: a list of them is refused.
#[utoipa::path(
    post, path = "/graphql", operation_id = "graphql", tag = "graphql", security(("bearer" = []), ()), request_body = Body,
    responses(
        (status = 200, description = "The answer; with `Accept: application/graphql-response+json` something was executed", content((Reply = "application/json"), (Reply = "application/graphql-response+json"))),
        (status = 400, description = "Nothing was executed: see `errors`", content((ProblemBody = "application/problem+json"), (Reply = "application/graphql-response+json"))),
        (status = 404, description = "GraphQL is switched off here", body = ProblemBody, content_type = "application/problem+json"),
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    let graphql = enabled(app)?;
    let token = bearer::token(request)?;
    let body: Body = body::json(request)?;
    let Answer {
        body,
        is_executed,
        is_for_later,
    } = graphql.answer(Question {
        query: body.query,
        operation_name: body.operation_name,
        variables: body.variables.unwrap_or_default(),
        token: token.map(|token| Secret::new(token.to_owned())),
        origin: origin::of(app, request),
        request_id: answer::id_in(request).to_owned(),
    });
    if let Some(why) = is_for_later {
        return Err(Problem::overloaded(why));
    }
    let text = body.to_string();
    Ok(if accepts(request, OF_GRAPHQL) {
        let status = if is_executed { 200 } else { 400 };
        Response::from_data(OF_GRAPHQL, text).with_status_code(status)
    } else {
        Response::from_data("application/json", text)
    })
}

/// Give the page that sends requests
///
/// For browsers. Requests themselves come by `POST` alone: a link changes nothing.
#[utoipa::path(
    get, path = "/graphql", operation_id = "graphqlPage", tag = "graphql",
    params(("Accept" = Option<String>, Header, description = "With `text/html`: the page")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "GraphQL is switched off here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 405, description = "Requests come by POST", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) fn page(app: &App, request: &Request) -> Result<Response, Problem> {
    enabled(app)?;
    if !accepts(request, "text/html") {
        let detail = "GraphQL requests come by POST; a browser (Accept: text/html) gets a page.";
        return Err(Problem::new(Code::MethodNotAllowed, detail).with_header("Allow", "POST"));
    }
    let page = PAGE.replace("PREFIX", docs::prefix(app));
    Ok(guarded(Response::from_data(
        "text/html; charset=utf-8",
        page,
    )))
}

/// Give a file that the page needs
#[utoipa::path(
    get, path = "/graphql/{file}", operation_id = "graphqlFile", tag = "graphql",
    params(("file" = String, Path, pattern = "^[a-z][a-z0-9.-]*$", description = "As the page names it")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "*/*"),
        (status = 404, description = "There is no such file", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) fn file(app: &App, _: &Request, file: &str) -> Result<Response, Problem> {
    enabled(app)?;
    let found = FILES.iter().find(|(name, ..)| *name == file);
    let (_, media_type, bytes) =
        found.ok_or_else(|| Problem::new(Code::NotFound, "There is no such file."))?;
    let response = Response::from_data(format!("{media_type}; charset=utf-8"), *bytes);
    Ok(guarded(response))
}

fn enabled(app: &App) -> Result<&Graphql, Problem> {
    let nothing = || Problem::new(Code::NotFound, "There is nothing at this path.");
    app.graphql.as_ref().ok_or_else(nothing)
}

fn guarded(response: Response) -> Response {
    response
        .with_additional_header("Content-Security-Policy", POLICY)
        .with_additional_header("X-Content-Type-Options", "nosniff")
        .with_additional_header("Referrer-Policy", "no-referrer")
}

/// Whether this media type is among those that the request names.
fn accepts(request: &Request, media_type: &str) -> bool {
    let named = request.header("Accept").unwrap_or_default();
    let mut named = named.split(',').filter_map(|one| one.split(';').next());
    named.any(|one| one.trim().eq_ignore_ascii_case(media_type))
}

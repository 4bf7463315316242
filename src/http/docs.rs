//! `GET /api/docs`: the API page, with assets from the binary.

use std::sync::{Arc, LazyLock};

use rouille::{Request, Response};
use utoipa_swagger_ui::Config;

use super::App;
use super::problem::{Code, Problem, ProblemBody};

static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("../schema?format=json").validator_url("none")));

/// The page runs its own scripts and talks to this service, nothing else.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// Go to the API page
#[utoipa::path(
    get, path = "/api/docs", operation_id = "docs", tag = "documents",
    responses((status = 303, description = "The page is elsewhere; see Location")),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(super) fn index(app: &App, _: &Request) -> Result<Response, Problem> {
    Ok(Response::redirect_303(format!(
        "{}/api/docs/index.html",
        prefix(app)
    )))
}

/// What a browser finds the service's paths below.
pub(super) fn prefix(app: &App) -> &str {
    let url = &app.server.public_url;
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..]
        .find('/')
        .map_or("", |at| &url[after_scheme + at..])
}

/// Give the API page, or a file it needs
#[utoipa::path(
    get, path = "/api/docs/{file}", operation_id = "docsFile", tag = "documents",
    params(("file" = String, Path, pattern = "^[a-z][a-z0-9.-]*$", description = "`index.html`, or a file that it names")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "*/*"),
        (status = 404, description = "There is no such file", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) fn asset(_: &App, _: &Request, file: &str) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(file, Arc::clone(&PAGE));
    let Ok(Some(asset)) = found else {
        return Err(Problem::new(Code::NotFound, "There is no such file."));
    };
    Ok(
        Response::from_data(asset.content_type, asset.bytes.into_owned())
            .with_additional_header("Content-Security-Policy", POLICY)
            .with_additional_header("X-Content-Type-Options", "nosniff"),
    )
}

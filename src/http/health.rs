//! `GET /livez` and `GET /readyz`.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::problem::Problem;

/// All is well.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: anything else is an error.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Say that the process is up
#[utoipa::path(
    get, path = "/livez", operation_id = "livez", tag = "health",
    responses((status = 200, description = "The process is up", body = Health)),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(super) fn live(_: &App, _: &Request) -> Result<Response, Problem> {
    Ok(Response::json(&Health { status: "ok" }))
}

/// Say whether database and keys can be used
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "health",
    responses(
        (status = 200, description = "Ready to serve", body = Health),
    ),
)]
pub(super) fn ready(app: &App, _: &Request) -> Result<Response, Problem> {
    app.services.check_ready()?;
    Ok(Response::json(&Health { status: "ok" }))
}

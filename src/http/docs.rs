//! `GET /api/docs`: the API page, with assets from the binary.

use std::io::Read;
use std::sync::{Arc, LazyLock};

use flate2::read::GzDecoder;
use rouille::input::parse_priority_header;
use rouille::{Request, Response};
use utoipa_swagger_ui::{Config, SwaggerFile};

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
pub(super) fn asset(_: &App, request: &Request, file: &str) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(file, Arc::clone(&PAGE));
    let Ok(Some(asset)) = found else {
        return Err(Problem::new(Code::NotFound, "There is no such file."));
    };
    Ok(encoded(asset, request)
        .with_additional_header("Content-Security-Policy", POLICY)
        .with_additional_header("X-Content-Type-Options", "nosniff"))
}

/// The file as it is in the binary, compressed; as it was for a client that does not ask for that.
fn encoded(asset: SwaggerFile<'_>, request: &Request) -> Response {
    if !asset.gzpipped {
        return Response::from_data(asset.content_type, asset.bytes.into_owned());
    }
    let response = if takes_gzip(request) {
        Response::from_data(asset.content_type, asset.bytes.into_owned())
            .with_additional_header("Content-Encoding", "gzip")
    } else {
        let mut bytes = Vec::new();
        let whole = GzDecoder::new(&*asset.bytes).read_to_end(&mut bytes);
        whole.expect("was compressed when this was built");
        Response::from_data(asset.content_type, bytes)
    };
    response.with_additional_header("Vary", "Accept-Encoding")
}

fn takes_gzip(request: &Request) -> bool {
    let wanted = request.header("Accept-Encoding").unwrap_or_default();
    parse_priority_header(wanted)
        .any(|(name, weight)| name.eq_ignore_ascii_case("gzip") && weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the largest file comes compressed to a client with this header, and its bytes.
    fn bundle(accepted: Option<&str>) -> (bool, Vec<u8>) {
        let header = accepted.map(|value| ("Accept-Encoding".to_owned(), value.to_owned()));
        let headers = header.into_iter().collect();
        let request = Request::fake_http("GET", "/", headers, Vec::new());
        let found = utoipa_swagger_ui::serve("swagger-ui-bundle.js", Arc::clone(&PAGE));
        let response = encoded(found.expect("is served").expect("is there"), &request);
        let mut headers = response.headers.iter();
        let is_gzip = headers.any(|(name, value)| name == "Content-Encoding" && value == "gzip");
        let (mut reader, _) = response.data.into_reader_and_size();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("is in memory");
        (is_gzip, bytes)
    }

    #[test]
    fn a_file_comes_compressed_to_whoever_takes_it_so_and_is_the_same_for_others() {
        let (is_gzip, plain) = bundle(None);
        assert!(!is_gzip);
        for accepted in ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br"] {
            let (is_gzip, bytes) = bundle(Some(accepted));
            let mut whole = Vec::new();
            let read = GzDecoder::new(&*bytes).read_to_end(&mut whole);
            assert!(is_gzip && read.is_ok() && whole == plain, "{accepted}");
            assert!(bytes.len() * 3 < plain.len(), "{}", bytes.len());
        }
        for accepted in ["", "identity", "br", "gzip;q=0"] {
            assert!(
                bundle(Some(accepted)) == (false, plain.clone()),
                "{accepted}"
            );
        }
    }
}

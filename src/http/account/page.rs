//! The pages that codes lead to, where an installation has none of its own: small, and the code in
//! them is after a '#', which no server sees.

use rouille::{Request, Response};

use crate::http::App;
use crate::http::problem::Problem;

/// The page runs its one script, looks as it says, and talks to this service, nothing else. Nobody
/// else shows it in a frame, and where it leads to is not told where people come from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
    connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const SCRIPT: &str = include_str!("page.js");

macro_rules! page {
    ($title:literal, $action:literal, $inputs:literal, $done:literal) => {
        concat!(
            include_str!("page_head.html"),
            "<title>",
            $title,
            "</title>\n<h1>",
            $title,
            "</h1>\n<form data-action=\"",
            $action,
            "\" data-done=\"",
            $done,
            "\">\n",
            $inputs,
            "\n<button>",
            $title,
            "</button>\n</form>\n<p role=\"status\"></p>\n",
            "<noscript>This page needs JavaScript.</noscript>\n",
            "<script src=\"../account.js\"></script>\n"
        )
    };
}

const PASSWORD: &str = page!(
    "Choose a password",
    "reset/confirm",
    "<label>New password <input name=\"password\" type=\"password\" autocomplete=\"new-password\" required></label>",
    "Done: log in with it from now on."
);

const ADDRESS: &str = page!(
    "Confirm this address",
    "confirm",
    "",
    "Done: the address is confirmed."
);

const REGISTRATION: &str = page!(
    "Finish the registration",
    "confirm",
    "<label>First name <input name=\"first_name\" autocomplete=\"given-name\"></label>
<label>Last name <input name=\"last_name\" autocomplete=\"family-name\"></label>
<label>Password <input name=\"password\" type=\"password\" autocomplete=\"new-password\" required></label>",
    "Done: log in from now on."
);

/// Show the page to choose a password
#[utoipa::path(
    get, path = "/auth/password/reset", operation_id = "resetPasswordPage", tag = "account",
    responses((status = 200, description = "The page", body = String, content_type = "text/html; charset=utf-8")),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(in crate::http) fn password(_: &App, _: &Request) -> Result<Response, Problem> {
    Ok(shown("text/html; charset=utf-8", PASSWORD))
}

/// Show the page to confirm an address
#[utoipa::path(
    get, path = "/auth/email/confirm", operation_id = "confirmEmailPage", tag = "account",
    responses((status = 200, description = "The page", body = String, content_type = "text/html; charset=utf-8")),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(in crate::http) fn address(_: &App, _: &Request) -> Result<Response, Problem> {
    Ok(shown("text/html; charset=utf-8", ADDRESS))
}

/// Show the page to finish a registration
#[utoipa::path(
    get, path = "/auth/register/confirm", operation_id = "registrationPage", tag = "account",
    responses((status = 200, description = "The page", body = String, content_type = "text/html; charset=utf-8")),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(in crate::http) fn registration(_: &App, _: &Request) -> Result<Response, Problem> {
    Ok(shown("text/html; charset=utf-8", REGISTRATION))
}

/// Give the script of these pages
#[utoipa::path(
    get, path = "/auth/account.js", operation_id = "accountScript", tag = "account",
    responses((status = 200, description = "The script", body = String, content_type = "text/javascript; charset=utf-8")),
)]
#[expect(clippy::unnecessary_wraps, reason = "every handler has this shape")]
pub(in crate::http) fn script(_: &App, _: &Request) -> Result<Response, Problem> {
    Ok(shown("text/javascript; charset=utf-8", SCRIPT))
}

fn shown(content_type: &'static str, text: &'static str) -> Response {
    Response::from_data(content_type, text)
        .with_additional_header("Content-Security-Policy", POLICY)
        .with_additional_header("Referrer-Policy", "no-referrer")
        .with_additional_header("X-Content-Type-Options", "nosniff")
}

//! Which client asks (RFC 6749, section 2.3).

use rouille::Request;

use super::error::{OauthCode, OauthError};
use super::form::Form;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::http::App;
use crate::http::bearer;
use crate::service::clients;
use crate::service::verification::VerifyError;
use crate::tokens::authorization;

/// What a client shows of itself.
enum Shown<'a> {
    /// Its id and its secret.
    Secret(String, Secret<String>),
    /// A token of its own.
    Bearer(&'a str),
}

/// The client that asks something: by HTTP Basic, by `client_id` and `client_secret` in the form, or by
/// a bearer token of its own for the audience of this service.
pub(in crate::http) fn caller(
    app: &App,
    request: &Request,
    form: Option<&Form>,
) -> Result<Client, OauthError> {
    let (id, secret) = in_form(form);
    match shown(in_header(request)?, id, secret)?.ok_or_else(nobody)? {
        Shown::Secret(id, secret) => {
            clients::recognise(&app.services, &id, secret.expose())?.ok_or_else(nobody)
        }
        Shown::Bearer(token) => by_token(app, token),
    }
}

/// The same where only a secret will do: what gives out tokens, or ends them.
pub(in crate::http) fn holder_of_secret(
    app: &App,
    request: &Request,
    form: &Form,
) -> Result<Client, OauthError> {
    let (id, secret) = in_form(Some(form));
    match shown(in_header(request)?, id, secret)? {
        Some(Shown::Secret(id, secret)) => by_secret(app, &id, &secret),
        Some(Shown::Bearer(_)) | None => Err(nobody()),
    }
}

/// The client that a login is made through, if it names one: by HTTP Basic, or in its body. A header
/// that says something else, such as an old token, says nothing here.
pub(in crate::http) fn named_at_login(
    app: &App,
    request: &Request,
    id: Option<&str>,
    secret: Option<&str>,
) -> Result<Option<Client>, OauthError> {
    let header = if scheme(request).eq_ignore_ascii_case("Basic") {
        in_header(request)?
    } else {
        None
    };
    match shown(header, id, secret)? {
        Some(Shown::Secret(id, secret)) => by_secret(app, &id, &secret).map(Some),
        _ if id.is_some() || secret.is_some() => Err(nobody()),
        _ => Ok(None),
    }
}

fn by_secret(app: &App, id: &str, secret: &Secret<String>) -> Result<Client, OauthError> {
    clients::authenticate(&app.services, id, secret.expose())?.ok_or_else(nobody)
}

fn by_token(app: &App, token: &str) -> Result<Client, OauthError> {
    let refused = "The bearer token is not good, or not a client's own.";
    match clients::of_token(&app.services, token) {
        Ok(found) => found.ok_or_else(|| OauthError::new(OauthCode::InvalidToken, refused)),
        Err(VerifyError::Keys(error)) => Err(error.into()),
        Err(VerifyError::Store(error)) => Err(error.into()),
        Err(VerifyError::Refused(_)) => Err(OauthError::new(OauthCode::InvalidToken, refused)),
    }
}

/// What the request shows, if that is one thing. A `client_id` without a secret only repeats whom
/// the header names (RFC 6749, section 3.2.1).
fn shown<'a>(
    in_header: Option<Shown<'a>>,
    id: Option<&str>,
    secret: Option<&str>,
) -> Result<Option<Shown<'a>>, OauthError> {
    match (in_header, id, secret) {
        (Some(_), _, Some(_)) => Err(two_at_once()),
        (Some(Shown::Secret(id, _)), Some(other), None) if id != other => Err(two_at_once()),
        (Some(shown), _, None) => Ok(Some(shown)),
        (None, Some(id), Some(secret)) => Ok(Some(Shown::Secret(
            id.to_owned(),
            Secret::new(secret.to_owned()),
        ))),
        (None, _, _) => Ok(None),
    }
}

fn in_form(form: Option<&Form>) -> (Option<&str>, Option<&str>) {
    let field = |name| form.and_then(|form| form.get(name));
    (field("client_id"), field("client_secret"))
}

fn in_header(request: &Request) -> Result<Option<Shown<'_>>, OauthError> {
    if let Some(token) = bearer::token(request).map_err(|_| malformed())? {
        return Ok(Some(Shown::Bearer(token)));
    }
    let Some(value) = request.header("Authorization") else {
        return Ok(None);
    };
    match authorization::basic(value) {
        Ok(Some((id, secret))) => Ok(Some(Shown::Secret(id, secret))),
        Ok(None) => Err(nobody()),
        Err(_) => Err(malformed()),
    }
}

/// How the header says that somebody shows who they are; empty if there is none.
fn scheme(request: &Request) -> &str {
    let value = request.header("Authorization").unwrap_or_default();
    value.split(' ').next().unwrap_or_default()
}

fn nobody() -> OauthError {
    OauthError::new(
        OauthCode::InvalidClient,
        "No client, or not by this secret: send its id and its secret by HTTP Basic.",
    )
}

fn malformed() -> OauthError {
    OauthError::new(
        OauthCode::InvalidRequest,
        "The Authorization header is not well-formed, or there twice.",
    )
}

fn two_at_once() -> OauthError {
    OauthError::new(
        OauthCode::InvalidRequest,
        "The client shows itself in two ways at once: use one.",
    )
}

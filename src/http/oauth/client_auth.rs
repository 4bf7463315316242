//! Which client asks (RFC 6749, section 2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use rouille::Request;

use super::error::{OauthCode, OauthError};
use super::form::Form;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::http::App;
use crate::http::bearer;
use crate::service::clients;
use crate::service::verification::{self, Principal, VerifyError};

/// What a client shows of itself.
enum Shown<'a> {
    /// Its id and its secret.
    Secret(String, Secret<String>),
    /// A token of its own.
    Bearer(&'a str),
}

/// The client behind a request: by HTTP Basic, by `client_id` and `client_secret` in the form, or by
/// a bearer token of its own for the audience of this service.
pub(in crate::http) fn caller(
    app: &App,
    request: &Request,
    form: Option<&Form>,
) -> Result<Client, OauthError> {
    let (id, secret) = in_form(form);
    match shown(in_header(request)?, id, secret)?.ok_or_else(nobody)? {
        Shown::Secret(id, secret) => by_secret(app, &id, &secret),
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
    match verification::verify(&app.services, token) {
        Ok(verification) => match verification.principal {
            Principal::Client(client) => Ok(client),
            Principal::User(_) => Err(OauthError::new(OauthCode::InvalidToken, refused)),
        },
        Err(VerifyError::Refused(reason)) => {
            tracing::debug!(%reason, "a client's token was refused");
            Err(OauthError::new(OauthCode::InvalidToken, refused))
        }
        Err(VerifyError::Keys(error)) => Err(error.into()),
        Err(VerifyError::Store(error)) => Err(error.into()),
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
    if !scheme(request).eq_ignore_ascii_case("Basic") {
        return Err(nobody());
    }
    let (_, rest) = value.split_once(' ').unwrap_or_default();
    basic(rest.trim_matches(' '))
        .map(Some)
        .ok_or_else(malformed)
}

/// How the header says that somebody shows who they are; empty if there is none.
fn scheme(request: &Request) -> &str {
    let value = request.header("Authorization").unwrap_or_default();
    value.split(' ').next().unwrap_or_default()
}

/// Id and secret of RFC 7617, each form-encoded on its own (RFC 6749, section 2.3.1).
fn basic(encoded: &str) -> Option<Shown<'static>> {
    let bytes = Secret::new(STANDARD.decode(encoded).ok()?);
    let text = str::from_utf8(bytes.expose()).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Shown::Secret(
        form_decoded(id)?,
        Secret::new(form_decoded(secret)?),
    ))
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = Secret::new(text.replace('+', " "));
    let decoded = percent_decode_str(spaced.expose()).decode_utf8().ok()?;
    Some(decoded.into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(encoded: &str) -> Option<(String, String)> {
        match basic(encoded)? {
            Shown::Secret(id, secret) => Some((id, secret.expose().clone())),
            Shown::Bearer(_) => None,
        }
    }

    #[test]
    fn basic_holds_an_id_and_a_secret_each_form_encoded() {
        let of = |text: &[u8]| read(&STANDARD.encode(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(of(b"billing:s:e"), pair("billing", "s:e"));
        assert_eq!(of(b"a%3Ab:c%25+d"), pair("a:b", "c% d"));
        assert_eq!(of(b":"), pair("", ""));
        for bad in [&b"billing"[..], b"", b"a:\xff", b"a:%ff"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        for bad in ["", "!", "YTpi YTpi", "YTpi=="] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

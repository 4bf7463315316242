//! Whose access token a request has.

use rouille::Request;

use super::refusal::{Refusal, Refused};
use crate::domain::actor::Actor;
use crate::http::bearer::{self, Caller};
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::verification::{self, Refusal as Reason, Verification, VerifyError};
use crate::tokens::TokenError;

/// The user behind the token, who has to be there.
pub(super) fn user(app: &App, request: &Request) -> Result<Caller, Refused> {
    Ok(bearer::user_of(required(app, request)?)?)
}

/// The same as somebody who changes something.
pub(super) fn actor(app: &App, request: &Request) -> Result<Actor, Refused> {
    Ok(Actor {
        authority: required(app, request)?.authority(),
        address: origin::address_of(app, request),
    })
}

fn required(app: &App, request: &Request) -> Result<Verification, Refused> {
    let missing = "Authentication credentials were not provided.";
    present(app, request)?.ok_or_else(|| Refusal::unauthorized(missing, None).into())
}

/// What the token is, if there is one: a bad one is refused even where none is needed.
pub(super) fn present(app: &App, request: &Request) -> Result<Option<Verification>, Refused> {
    let Ok(token) = bearer::token(request) else {
        let detail = "Authorization header must contain two space-delimited values";
        return Err(Refusal::unauthorized(detail, Some("bad_authorization_header")).into());
    };
    let Some(token) = token else {
        return Ok(None);
    };
    match verification::verify(&app.services, token) {
        Ok(verification) => Ok(Some(verification)),
        Err(VerifyError::Refused(reason)) => {
            tracing::debug!(%reason, "a token was refused");
            Err(Refusal::bad_access_token(message(reason)).into())
        }
        Err(error) => Err(Problem::from(error).into()),
    }
}

/// What is told of a token that is not good. That a token has expired stands in it, for whoever has it.
pub(super) fn message(reason: Reason) -> &'static str {
    match reason {
        Reason::Token(TokenError::Expired) => "Token is expired",
        _ => "Token is invalid",
    }
}

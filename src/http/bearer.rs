//! Bearer tokens in requests (RFC 6750).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rouille::Request;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::App;
use super::problem::{self, Code, Problem};
use crate::domain::authority::NarrowScope;
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::service::own_account::Owner;
use crate::service::verification::{self, Principal, Refusal, Verification, VerifyError};
use crate::tokens::authorization;
use crate::tokens::claims::Subject;

/// 401 of the routes that want a token, for the API's document.
pub(super) struct Refused;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problem::responses("401", "No token, or not a good one; see WWW-Authenticate")
    }
}

/// 403 of the routes that want a user's token, for the API's document.
pub(super) struct NoUser;

impl IntoResponses for NoUser {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problem::responses(
            "403",
            "The token is a client's, which is no user; or it is not for this: see WWW-Authenticate",
        )
    }
}

/// The user behind a request.
pub(super) struct Caller {
    pub(super) user: User,
    /// The session of the token; `None`: it belongs to none.
    pub(super) session: Option<SessionId>,
    /// What the token is for. Empty: whatever the user may do.
    pub(super) scope: Scope,
}

impl Caller {
    /// The same as somebody who wants to log in with something else from now on.
    pub(super) fn owner(&self, address: Option<IpAddr>) -> Owner<'_> {
        Owner {
            user: &self.user,
            session: self.session,
            scope: &self.scope,
            address,
        }
    }
}

/// The user behind the request's bearer token.
pub(super) fn user(app: &App, request: &Request) -> Result<Caller, Problem> {
    let token = token(request)?.ok_or_else(missing)?;
    user_of(verification::verify(&app.services, token)?)
}

/// The user behind a good token.
pub(super) fn user_of(verification: Verification) -> Result<Caller, Problem> {
    let session = match verification.claims.subject {
        Subject::User { session, .. } => session,
        Subject::Client(_) => None,
    };
    match verification.principal {
        Principal::User(user) => Ok(Caller {
            user: Arc::unwrap_or_clone(user),
            session,
            scope: verification.claims.scope.clone(),
        }),
        Principal::Client(_) => Err(Problem::new(
            Code::Forbidden,
            "This is about users, and the token is a client's.",
        )),
    }
}

/// Whether there is a good token, whoever's it is. A bad one is as good as none.
pub(super) fn is_good(app: &App, request: &Request) -> Result<bool, Problem> {
    let Ok(Some(token)) = token(request) else {
        return Ok(false);
    };
    match verification::verify(&app.services, token) {
        Ok(_) => Ok(true),
        Err(VerifyError::Refused(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The token of the `Authorization` header, if there is one.
///
/// Two such headers, or one with more or less than one token, is a malformed request. A token in
/// the query string is not looked at (section 2.3).
pub(super) fn token(request: &Request) -> Result<Option<&str>, Problem> {
    let mut headers = request
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Authorization"))
        .map(|(_, value)| value);
    let (Some(value), None) = (headers.next(), headers.next()) else {
        return if request.header("Authorization").is_none() {
            Ok(None)
        } else {
            Err(malformed())
        };
    };
    authorization::bearer(value).map_err(|_| malformed())
}

/// 401 for a request without a token: the challenge names no error (section 3.1).
pub(super) fn missing() -> Problem {
    Problem::new(
        Code::InvalidToken,
        "Send a token as 'Authorization: Bearer ...'.",
    )
    .with_header("WWW-Authenticate", "Bearer realm=\"authd\"")
}

/// 400 for a request that offers no token, or more than one, in a form that should hold one.
pub(super) fn malformed() -> Problem {
    Problem::new(
        Code::InvalidRequest,
        "Send exactly one token, as 'Authorization: Bearer ...'.",
    )
    .with_header(
        "WWW-Authenticate",
        "Bearer realm=\"authd\", error=\"invalid_request\"",
    )
}

/// 401 for a token that is not good, whatever the reason.
fn refused(reason: Refusal) -> Problem {
    tracing::debug!(%reason, "a token was refused");
    Problem::new(
        Code::InvalidToken,
        "The token is malformed, expired, revoked or not from here.",
    )
    .with_header(
        "WWW-Authenticate",
        "Bearer realm=\"authd\", error=\"invalid_token\"",
    )
}

/// 403 for a token that is good, and not for this.
impl From<NarrowScope> for Problem {
    fn from(NarrowScope(needed): NarrowScope) -> Self {
        let detail = format!("The token is not for this: its scope does not have '{needed}'.");
        let challenge =
            format!("Bearer realm=\"authd\", error=\"insufficient_scope\", scope=\"{needed}\"");
        Self::new(Code::Forbidden, detail).with_header("WWW-Authenticate", challenge)
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(reason) => refused(reason),
            VerifyError::Keys(error) => error.into(),
            VerifyError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(headers: &[&str]) -> Result<Option<String>, u16> {
        let headers = headers
            .iter()
            .map(|value| ("Authorization".to_owned(), (*value).to_owned()))
            .collect();
        let request = Request::fake_http("GET", "/auth/verify", headers, vec![]);
        let found = token(&request).map(|token| token.map(str::to_owned));
        found.map_err(|problem| problem.into_response().status_code)
    }

    /// Security statements 41 and 43.
    #[test]
    fn there_is_exactly_one_token_or_none() {
        assert_eq!(token_of(&["Bearer abc"]), Ok(Some("abc".into())));
        assert_eq!(token_of(&["bearer abc"]), Ok(Some("abc".into())));
        assert_eq!(token_of(&["BEARER  abc"]), Ok(Some("abc".into())));
        assert_eq!(token_of(&[]), Ok(None));
        assert_eq!(token_of(&["Basic YTpi"]), Ok(None));
        for bad in [
            &["Bearer a b"][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a,b"],
        ] {
            assert_eq!(token_of(bad), Err(400), "{bad:?}");
        }
        assert_eq!(token_of(&["Bearer a", "Bearer a"]), Err(400));
        assert_eq!(token_of(&["Basic YTpi", "Bearer a"]), Err(400));
    }
}

//! How requests are refused: which status, and never which of the reasons it was.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::error::VerifyError;
use crate::mirror::MirrorError;

/// A refusal, as problem+json of the same form as authd's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401: there is no bearer token.
    NoToken,
    /// 401: the token is not good.
    InvalidToken,
    /// 403: the token has not this scope.
    InsufficientScope(String),
    /// 403: the token is good, and not enough.
    Forbidden,
    /// 503: nobody can say.
    Unavailable,
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::InvalidToken(_) => Self::InvalidToken,
            VerifyError::Unavailable(_) => Self::Unavailable,
        }
    }
}

impl From<MirrorError> for Refusal {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::NoRow(_) => Self::Forbidden,
            MirrorError::Table(_) | MirrorError::Database(_) => Self::Unavailable,
        }
    }
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope(_) | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer.
    pub fn response<B: From<String>>(&self) -> Response<B> {
        let (code, title, detail) = match self {
            Self::NoToken => ("invalid_token", "Unauthorized", "A bearer token is needed."),
            Self::InvalidToken => ("invalid_token", "Unauthorized", "The token is not good."),
            Self::InsufficientScope(_) => ("forbidden", "Forbidden", "The token is not for this."),
            Self::Forbidden => (
                "forbidden",
                "Forbidden",
                "The token is good, and not enough for this.",
            ),
            Self::Unavailable => (
                "overloaded",
                "Service Unavailable",
                "It cannot be said at the moment whether the token is good.",
            ),
        };
        let status = self.status();
        let number = status.as_u16();
        let body = format!(
            r#"{{"type":"urn:authd:problem:{code}","title":"{title}","status":{number},"detail":"{detail}","code":"{code}"}}"#
        );
        let mut response = Response::new(B::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let challenge = match self {
            Self::NoToken => Some("Bearer".to_owned()),
            Self::InvalidToken => Some(r#"Bearer error="invalid_token""#.to_owned()),
            Self::InsufficientScope(scope) => Some(format!(
                r#"Bearer error="insufficient_scope", scope="{scope}""#
            )),
            Self::Forbidden => None,
            Self::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                None
            }
        };
        if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

//! `envoy.service.auth.v3.Authorization`: may this request go on to the service behind Envoy?

use std::collections::HashMap;
use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use super::proto::envoy::service::auth::v3 as proto;
use super::proto::envoy::service::auth::v3::authorization_server::Authorization;
use super::proto::envoy::service::auth::v3::check_response::HttpResponse;
use super::proto::envoy::service::auth::v3::header_value_option::HeaderAppendAction;
use super::reads::Reads;
use super::status::Failure;
use crate::domain::scope::Scope;
use crate::service::Services;
use crate::service::admission::{self, AdmitError, Lack, Requirements};
use crate::service::identity::IdentityHeaders;
use crate::service::verification::{Principal, VerifyError};
use crate::tokens::authorization::{self, MalformedBearer};

/// Envoy sends all header fields of the request: up to 60 KiB of them, unless it is told otherwise.
pub(super) const MAX_CHECK_BYTES: usize = 256 * 1024;

/// The service.
pub(super) struct Envoy {
    pub(super) reads: Reads,
    /// What the fields are called that tell a service who is asking.
    pub(super) headers: Arc<IdentityHeaders>,
    /// The cookie that may hold the token.
    pub(super) cookie: Option<String>,
}

#[tonic::async_trait]
impl Authorization for Envoy {
    async fn check(
        &self,
        request: Request<proto::CheckRequest>,
    ) -> Result<Response<proto::CheckResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        let attributes = message.attributes.unwrap_or_default();
        let requirements = requirements(&attributes.context_extensions)?;
        let http = attributes.request.and_then(|request| request.http);
        let mut headers = http.unwrap_or_default().headers;
        let credentials = headers.remove("authorization").unwrap_or_default();
        let cookies = headers.remove("cookie");
        let verdict = match self.token(&credentials, cookies.as_deref()) {
            Err(_) => denied(Denial::Malformed),
            Ok(None) => denied(Denial::NoToken),
            Ok(Some(token)) => {
                let headers = Arc::clone(&self.headers);
                let read =
                    move |services: &Services| judge(services, &token, &requirements, &headers);
                self.reads.short(&extensions, read).await?
            }
        };
        Ok(Response::new(verdict))
    }
}

impl Envoy {
    /// The bearer token, or else the cookie's.
    fn token(
        &self,
        credentials: &str,
        cookies: Option<&str>,
    ) -> Result<Option<String>, MalformedBearer> {
        match (authorization::bearer(credentials)?, &self.cookie) {
            (Some(token), _) => Ok(Some(token.to_owned())),
            (None, Some(name)) => authorization::in_cookie(cookies.into_iter(), name),
            (None, None) => Ok(None),
        }
    }
}

fn judge(
    services: &Services,
    token: &str,
    requirements: &Requirements,
    headers: &IdentityHeaders,
) -> Result<proto::CheckResponse, Failure> {
    match admission::admit(services, token, requirements) {
        Ok(verification) => Ok(allowed(headers, &verification.principal)),
        Err(AdmitError::Lacks(lack)) => {
            tracing::debug!(%lack, "a holder of a good token was not let in");
            Ok(denied(match lack {
                Lack::Scope => Denial::InsufficientScope,
                _ => Denial::Forbidden,
            }))
        }
        Err(AdmitError::Verify(VerifyError::Refused(reason))) => {
            tracing::debug!(%reason, "a token was refused");
            Ok(denied(Denial::Refused))
        }
        Err(AdmitError::Verify(error)) => Err(error.into()),
    }
}

/// What the route asks for. A name that is not known is an error, so that a misspelt requirement
/// lets nobody through.
fn requirements(extensions: &HashMap<String, String>) -> Result<Requirements, Status> {
    let mut needs = Requirements::default();
    for (name, value) in extensions {
        match name.as_str() {
            "group" => needs.groups = groups(name, value)?,
            "scope" => needs.scopes = scopes(name, value)?,
            "staff" => needs.staff = flag(name, value)?,
            "superuser" => needs.superuser = flag(name, value)?,
            _ => return Err(unclear(name)),
        }
    }
    Ok(needs)
}

fn groups(name: &str, value: &str) -> Result<Vec<String>, Status> {
    let groups: Vec<String> = value
        .split(',')
        .map(|word| word.trim().to_owned())
        .collect();
    if groups.iter().any(String::is_empty) {
        return Err(unclear(name));
    }
    Ok(groups)
}

fn scopes(name: &str, value: &str) -> Result<Vec<String>, Status> {
    let scope = value.parse::<Scope>().ok();
    let scope = scope.filter(|scope| !scope.is_empty());
    let scope = scope.ok_or_else(|| unclear(name))?;
    Ok(scope.words().map(str::to_owned).collect())
}

fn flag(name: &str, value: &str) -> Result<bool, Status> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(unclear(name)),
    }
}

fn unclear(name: &str) -> Status {
    tracing::warn!(name, "a context extension of Envoy's is not understood");
    Status::invalid_argument(
        "A context extension is not one of group, scope, staff=1 and superuser=1.",
    )
}

/// Why a request does not go on.
#[derive(Clone, Copy)]
enum Denial {
    Malformed,
    NoToken,
    Refused,
    Forbidden,
    InsufficientScope,
}

impl Denial {
    /// The answer's status, its challenge (RFC 6750, section 3), and the same for Envoy.
    fn parts(self) -> (i32, &'static str, Code) {
        let bearer = "Bearer realm=\"authd\"";
        match self {
            Self::Malformed => (
                400,
                "Bearer realm=\"authd\", error=\"invalid_request\"",
                Code::InvalidArgument,
            ),
            Self::NoToken => (401, bearer, Code::Unauthenticated),
            Self::Refused => (
                401,
                "Bearer realm=\"authd\", error=\"invalid_token\"",
                Code::Unauthenticated,
            ),
            Self::Forbidden => (403, bearer, Code::PermissionDenied),
            Self::InsufficientScope => (
                403,
                "Bearer realm=\"authd\", error=\"insufficient_scope\"",
                Code::PermissionDenied,
            ),
        }
    }
}

fn denied(denial: Denial) -> proto::CheckResponse {
    let (status, challenge, code) = denial.parts();
    let response = proto::DeniedHttpResponse {
        status: Some(proto::HttpStatus { code: status }),
        headers: vec![field("WWW-Authenticate", challenge.to_owned())],
    };
    verdict(code, HttpResponse::DeniedResponse(response))
}

/// Every identity field is set or taken away, whatever the client sent.
fn allowed(headers: &IdentityHeaders, principal: &Principal) -> proto::CheckResponse {
    let mut response = proto::OkHttpResponse::default();
    for (name, value) in headers.of(principal) {
        if value.is_empty() {
            response.headers_to_remove.push(name.to_owned());
        } else {
            response.headers.push(field(name, value));
        }
    }
    verdict(Code::Ok, HttpResponse::OkResponse(response))
}

fn verdict(code: Code, response: HttpResponse) -> proto::CheckResponse {
    proto::CheckResponse {
        status: Some(proto::Status {
            code: code.into(),
            message: String::new(),
        }),
        http_response: Some(response),
    }
}

fn field(name: &str, value: String) -> proto::HeaderValueOption {
    proto::HeaderValueOption {
        header: Some(proto::HeaderValue {
            key: name.to_owned(),
            value,
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Option<Requirements> {
        let pairs = pairs.iter();
        let extensions = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        requirements(&extensions.collect()).ok()
    }

    #[test]
    fn a_requirement_is_understood_or_an_error_and_never_left_out() {
        assert_eq!(read(&[]), Some(Requirements::default()));
        let all = [
            ("group", "billing, sales"),
            ("scope", "read write"),
            ("staff", "1"),
            ("superuser", "false"),
        ];
        let expected = Requirements {
            groups: vec!["billing".into(), "sales".into()],
            scopes: vec!["read".into(), "write".into()],
            staff: true,
            superuser: false,
        };
        assert_eq!(read(&all), Some(expected));
        for bad in [
            ("groups", "billing"),
            ("Group", "billing"),
            ("group", ""),
            ("group", " , "),
            ("group", "billing,"),
            ("scope", " "),
            ("staff", "yes"),
            ("superuser", ""),
        ] {
            assert_eq!(read(&[bad]), None, "{bad:?}");
        }
    }
}

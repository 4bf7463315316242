//! `/auth/forward`: a reverse proxy holds a request and asks whether to let it pass.
//!
//! The token and what the proxy requires decide; what else is known of the request that is held, its
//! method and its path, does not. So there is no rule that an odd spelling of either could slip past.

use rouille::{Request, Response, ResponseBody};
use utoipa::IntoParams;

use super::App;
use super::bearer;
use super::origin;
use super::problem::{self, Code, Problem};
use crate::service::admission::{self, AdmitError, Lack, Requirements};
use crate::service::identity::IdentityHeaders;
use crate::service::verification::{Principal, VerifyError};
use crate::tokens::authorization;

/// What a proxy asks for, as the API's document has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document; `Asked` reads the query")]
pub(super) struct Query {
    /// A group that the account must be in. Given more than once: in each of them.
    #[param(min_length = 1)]
    group: Option<Vec<String>>,
    /// Scopes that the token must have, with spaces between them. Given more than once: all of them.
    #[param(pattern = "^[!#-\\[\\]-~]+( [!#-\\[\\]-~]+)*$")]
    scope: Option<Vec<String>>,
    /// `1`: the account must be marked as staff.
    #[param(pattern = "^1$")]
    staff: Option<String>,
    /// `1`: the account must be a superuser.
    #[param(pattern = "^1$")]
    superuser: Option<String>,
    /// `1`: instead of 401, 302 to `forward.login_url`.
    #[param(pattern = "^1$")]
    redirect: Option<String>,
}

/// What a proxy asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    requirements: Requirements,
    /// People without a good token are to be sent to the login page.
    redirect: bool,
}

/// Say whether a reverse proxy may let a request pass, and who is asking
///
/// For nginx `auth_request`, Traefik `ForwardAuth`, Caddy `forward_auth`, `HAProxy` and Envoy
/// `ext_authz`. Any method will do, and means the same. The token is the bearer token, or else what
/// the cookie named by `forward.cookie` holds. An unknown parameter is an error, so that no misspelt requirement
/// lets everybody in; but from `ignore_rest=` on the query is not looked at, for proxies that append
/// the path and the query of the request that they hold. Paths below this one let everybody with a
/// good token in, whatever their query, which is the client's.
///
/// 200 carries `Remote-Id`, `Remote-User`, `Remote-Email`, `Remote-Name` and `Remote-Groups` (the
/// names are configurable), each of them always, empty if there is nothing to say. Their values are
/// UTF-8 with every byte that is no visible ASCII character or space, and `%`, percent-encoded.
#[utoipa::path(
    get, path = "/auth/forward", operation_id = "forward", tag = "auth", params(Query), security(("bearer" = [])),
    responses(
        (status = 200, description = "Let it pass; the header says who is asking"),
        (status = 302, description = "With redirect=1, instead of 401: to the login page"),
        (status = 403, description = "The token is good, but not all that is required is there", body = problem::ProblemBody, content_type = "application/problem+json"),
        bearer::Refused,
    ),
)]
pub(super) fn decide(app: &App, request: &Request) -> Result<Response, Problem> {
    answer(app, request, &Asked::parse(request.raw_query_string())?)
}

/// Below `/auth/forward`: the rest of the path and the query are those of the request that is held.
pub(super) fn decide_below(app: &App, request: &Request) -> Result<Response, Problem> {
    answer(app, request, &Asked::default())
}

fn answer(app: &App, request: &Request, asked: &Asked) -> Result<Response, Problem> {
    let Some(token) = token(app, request)? else {
        return login(app, request, asked, bearer::missing());
    };
    match admission::admit(&app.services, &token, &asked.requirements) {
        Ok(verification) => Ok(pass(&app.server.forward.headers, &verification.principal)),
        Err(AdmitError::Verify(error @ VerifyError::Refused(_))) => {
            login(app, request, asked, error.into())
        }
        Err(AdmitError::Verify(error)) => Err(error.into()),
        Err(AdmitError::Lacks(lack)) => Err(forbidden(lack, &asked.requirements)),
    }
}

/// The bearer token, or else the cookie's.
fn token(app: &App, request: &Request) -> Result<Option<String>, Problem> {
    if let Some(token) = bearer::token(request)? {
        return Ok(Some(token.to_owned()));
    }
    let Some(name) = &app.server.forward.cookie else {
        return Ok(None);
    };
    let fields = request
        .headers()
        .filter(|(field, _)| field.eq_ignore_ascii_case("Cookie"))
        .map(|(_, value)| value);
    authorization::in_cookie(fields, name).map_err(|_| bearer::malformed())
}

/// 401, or 302 to the login page where a proxy asks for that and there is one.
fn login(
    app: &App,
    request: &Request,
    asked: &Asked,
    refusal: Problem,
) -> Result<Response, Problem> {
    let page = app.server.forward.login_url.as_ref();
    let Some(page) = page.filter(|_| asked.redirect) else {
        return Err(refusal);
    };
    let location = match origin::wanted_url(app, request) {
        None => page.clone(),
        Some(url) => {
            let url: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
            format!("{page}?rd={url}")
        }
    };
    Ok(Response::redirect_302(location))
}

/// 200 with who is asking.
fn pass(headers: &IdentityHeaders, principal: &Principal) -> Response {
    let fields = headers.of(principal).into_iter();
    Response {
        status_code: 200,
        headers: fields
            .map(|(name, value)| (name.to_owned().into(), value.into()))
            .collect(),
        data: ResponseBody::empty(),
        upgrade: None,
    }
}

fn forbidden(lack: Lack, requirements: &Requirements) -> Problem {
    tracing::debug!(%lack, "a holder of a good token was not let in");
    match lack {
        Lack::Scope => Problem::new(Code::Forbidden, "The token has not the scopes for this.")
            .with_header(
                "WWW-Authenticate",
                format!(
                    "Bearer realm=\"authd\", error=\"insufficient_scope\", scope=\"{}\"",
                    requirements.scopes.join(" ")
                ),
            ),
        _ => Problem::new(Code::Forbidden, "The account may not come in here."),
    }
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut asked = Self::default();
        let needs = &mut asked.requirements;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("ignore_rest", _) => break,
                ("group", group) if !group.is_empty() => needs.groups.push(group.to_owned()),
                ("scope", scopes) if scopes.split(' ').all(is_scope) => {
                    needs.scopes.extend(scopes.split(' ').map(str::to_owned));
                }
                ("staff", "1") => needs.staff = true,
                ("superuser", "1") => needs.superuser = true,
                ("redirect", "1") => asked.redirect = true,
                _ => return Err(unknown()),
            }
        }
        Ok(asked)
    }
}

/// RFC 6749, section 3.3.
fn is_scope(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(fits)
}

fn unknown() -> Problem {
    Problem::new(
        Code::InvalidRequest,
        "The query may hold group=NAME, scope=NAME, staff=1, superuser=1, redirect=1, and at its end ignore_rest=.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Option<Asked> {
        Asked::parse(query).ok()
    }

    #[test]
    fn requirements_add_up() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let all = Requirements {
            groups: words("billing R&D"),
            scopes: words("read write admin"),
            staff: true,
            superuser: true,
        };
        let query = "group=billing&scope=read+write&staff=1&group=R%26D&superuser=1&scope=admin";
        let expected = Asked {
            requirements: all,
            redirect: false,
        };
        assert_eq!(asked(query), Some(expected));
        assert_eq!(asked(""), Some(Asked::default()));
        assert!(asked("redirect=1").is_some_and(|asked| asked.redirect));
    }

    #[test]
    fn nothing_in_a_query_is_overlooked() {
        for bad in [
            "gruop=billing",
            "Group=billing",
            "groups=billing",
            "group",
            "group=",
            "scope=",
            "scope=a++b",
            "scope=a%22",
            "scope=%0d%0a",
            "staff",
            "staff=0",
            "staff=true",
            "staff=1&admin=1",
            "redirect=https://evil.example",
            "token=abc",
            "group[]=billing",
            "group=billing;staff=1&x",
            "%00",
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }

    /// What a proxy appends cannot be told from what its operator wrote, but for the mark.
    #[test]
    fn what_follows_the_mark_is_not_looked_at() {
        let group = asked("group=billing");
        assert!(group.is_some());
        for rest in [
            "ignore_rest=",
            "ignore_rest=/a?b=c&redirect=1&group=x",
            "ignore_rest=&x=%",
        ] {
            assert_eq!(asked(&format!("group=billing&{rest}")), group, "{rest}");
            assert_eq!(asked(rest), Some(Asked::default()), "{rest}");
        }
    }
}

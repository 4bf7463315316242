//! The table of everything there is.

use std::time::Duration;

use rouille::{Request, Response, router};

use super::account::{addresses, page, passwords, registration};
use super::oauth::{introspect, metadata, revoke, token};
use super::problem::{Code, Problem};
use super::{
    App, audit, django, docs, fields, forward, graphql, groups, health, idempotency, jwks, login,
    logout, me, password, permissions, refresh, revocations, schema, sessions, users, verify,
};
use crate::domain::user::UserId;

/// What answers a request.
pub(super) struct Route {
    /// The path with its parameters' names, for the log.
    pub(super) template: &'static str,
    /// Where the handler runs.
    pub(super) lane: Lane,
    /// The handler.
    pub(super) run: Handler,
}

/// A handler, with the path's parameters bound. One without parameters takes no memory.
pub(super) type Handler = Box<dyn FnOnce(&App, &Request) -> Result<Response, Problem> + Send>;

/// What finds the route for a request whose path has no slash at its end.
pub(super) type Table = fn(&Request) -> Option<Route>;

/// The table of everything there is, with or without what clients of Django's find.
pub(super) fn table(with_django: bool) -> Table {
    if with_django { find_anything } else { find }
}

fn find_anything(request: &Request) -> Option<Route> {
    find(request).or_else(|| django::find(request))
}

/// Where a handler runs (ADR 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// On the I/O thread: takes microseconds.
    Inline,
    /// Reads from the database: on the I/O thread if that is a file, else on one that may wait.
    Reading,
    /// On a thread that may wait: hashes or writes.
    Blocking,
    /// Waits for something to happen, for [`LONGEST_WAIT`] at most.
    Waiting,
}

/// The route for a request, but for those of `django`.
#[rustfmt::skip]
pub(super) fn find(request: &Request) -> Option<Route> {
    Some(router!(request,
        (GET)  ["/auth/verify"] => reading("/auth/verify", verify::read),
        (POST) ["/auth/verify"] => reading("/auth/verify", verify::create),
        (POST) ["/auth/verify/batch"] => blocking("/auth/verify/batch", verify::batch),
        (GET)  ["/auth/revocations"] => waiting("/auth/revocations", revocations::list),
        (GET)  ["/auth/me"] => reading("/auth/me", me::read),
        (PATCH) ["/auth/me"] => blocking("/auth/me", me::change),
        (POST) ["/auth/password/change"] => blocking("/auth/password/change", password::change),
        (GET)  ["/auth/sessions"] => reading("/auth/sessions", sessions::list),
        (DELETE) ["/auth/sessions/{id}", id: String] => {
            blocking("/auth/sessions/{id}", move |app, request| sessions::delete(app, request, &id))
        },
        (POST) ["/auth/logout"] => blocking("/auth/logout", logout::create),
        (POST) ["/auth/refresh"] => blocking("/auth/refresh", refresh::create),
        (POST) ["/auth/login"] => blocking("/auth/login", login::create),
        (GET)  ["/users"] => blocking("/users", users::list::list),
        (POST) ["/users"] => creating("/users", users::list::create),
        (GET)  ["/users/changes"] => waiting("/users/changes", users::changes::list),
        (GET)  ["/users/{id}", id: UserId] => {
            blocking("/users/{id}", move |app, request| users::one::read(app, request, id))
        },
        (PATCH) ["/users/{id}", id: UserId] => {
            blocking("/users/{id}", move |app, request| users::one::change(app, request, id))
        },
        (DELETE) ["/users/{id}", id: UserId] => {
            blocking("/users/{id}", move |app, request| users::one::delete(app, request, id))
        },
        (GET)  ["/users/{id}/sessions", id: String] => {
            blocking("/users/{id}/sessions", move |app, request| users::sessions::list(app, request, &id))
        },
        (DELETE) ["/users/{id}/sessions", id: String] => {
            blocking("/users/{id}/sessions", move |app, request| users::sessions::delete(app, request, &id))
        },
        (POST) ["/users/{id}/invitation", id: String] => {
            blocking("/users/{id}/invitation", move |app, request| users::codes::invite(app, request, &id))
        },
        (POST) ["/users/{id}/password-reset", id: String] => {
            blocking("/users/{id}/password-reset", move |app, request| users::codes::reset(app, request, &id))
        },
        (POST) ["/users/{id}/email-confirmation", id: String] => {
            blocking("/users/{id}/email-confirmation", move |app, request| users::codes::confirm(app, request, &id))
        },
        (GET)  ["/users/{id}/permissions", id: String] => {
            blocking("/users/{id}/permissions", move |app, request| users::permissions::list(app, request, &id))
        },
        (PUT)  ["/users/{id}/permissions/{name}", id: String, name: String] => {
            blocking("/users/{id}/permissions/{name}", move |app, request| users::permissions::grant(app, request, &id, &name))
        },
        (DELETE) ["/users/{id}/permissions/{name}", id: String, name: String] => {
            blocking("/users/{id}/permissions/{name}", move |app, request| users::permissions::revoke(app, request, &id, &name))
        },
        (POST) ["/oauth/token"] => blocking("/oauth/token", token::create),
        (POST) ["/oauth/introspect"] => reading("/oauth/introspect", introspect::create),
        (POST) ["/oauth/revoke"] => blocking("/oauth/revoke", revoke::create),
        (GET)  ["/.well-known/oauth-authorization-server"] => {
            inline("/.well-known/oauth-authorization-server", metadata::read)
        },
        (GET)  ["/.well-known/openid-configuration"] => {
            inline("/.well-known/openid-configuration", metadata::read_for_openid)
        },
        (GET)  ["/.well-known/jwks.json"] => reading("/.well-known/jwks.json", jwks::read),
        (GET)  ["/graphql"] => inline("/graphql", graphql::page),
        (POST) ["/graphql"] => blocking("/graphql", graphql::create),
        (GET)  ["/graphql/{file}", file: String] => {
            inline("/graphql/{file}", move |app, request| graphql::file(app, request, &file))
        },
        (GET)  ["/livez"] => inline("/livez", health::live),
        (GET)  ["/readyz"] => reading("/readyz", health::ready),
        (GET)  ["/api/schema"] => reading("/api/schema", schema::read),
        (GET)  ["/api/docs"] => inline("/api/docs", docs::index),
        (GET)  ["/api/docs/{file}", file: String] => {
            blocking("/api/docs/{file}", move |app, request| docs::asset(app, request, &file))
        },
        _ => return find_managing(request),
    ))
}

/// The route for groups, permissions, fields and the record of what was done.
#[rustfmt::skip]
fn find_managing(request: &Request) -> Option<Route> {
    Some(router!(request,
        (GET)  ["/groups"] => blocking("/groups", groups::list),
        (POST) ["/groups"] => creating("/groups", groups::create),
        (GET)  ["/groups/{id}", id: String] => {
            blocking("/groups/{id}", move |app, request| groups::read(app, request, &id))
        },
        (PATCH) ["/groups/{id}", id: String] => {
            blocking("/groups/{id}", move |app, request| groups::change(app, request, &id))
        },
        (DELETE) ["/groups/{id}", id: String] => {
            blocking("/groups/{id}", move |app, request| groups::delete(app, request, &id))
        },
        (PUT)  ["/groups/{id}/members/{user}", id: String, user: String] => {
            blocking("/groups/{id}/members/{user}", move |app, request| groups::add_member(app, request, &id, &user))
        },
        (DELETE) ["/groups/{id}/members/{user}", id: String, user: String] => {
            blocking("/groups/{id}/members/{user}", move |app, request| groups::remove_member(app, request, &id, &user))
        },
        (PUT)  ["/groups/{id}/permissions/{name}", id: String, name: String] => {
            blocking("/groups/{id}/permissions/{name}", move |app, request| groups::grant(app, request, &id, &name))
        },
        (DELETE) ["/groups/{id}/permissions/{name}", id: String, name: String] => {
            blocking("/groups/{id}/permissions/{name}", move |app, request| groups::revoke(app, request, &id, &name))
        },
        (GET)  ["/permissions"] => blocking("/permissions", permissions::list),
        (POST) ["/permissions"] => creating("/permissions", permissions::create),
        (DELETE) ["/permissions/{name}", name: String] => {
            blocking("/permissions/{name}", move |app, request| permissions::delete(app, request, &name))
        },
        (GET)  ["/fields"] => blocking("/fields", fields::list::list),
        (POST) ["/fields"] => creating("/fields", fields::list::create),
        (GET)  ["/fields/{name}", name: String] => {
            blocking("/fields/{name}", move |app, request| fields::one::read(app, request, &name))
        },
        (PATCH) ["/fields/{name}", name: String] => {
            blocking("/fields/{name}", move |app, request| fields::one::change(app, request, &name))
        },
        (DELETE) ["/fields/{name}", name: String] => {
            blocking("/fields/{name}", move |app, request| fields::one::delete(app, request, &name))
        },
        (GET)  ["/audit"] => blocking("/audit", audit::list),
        _ => return find_account(request),
    ))
}

/// What people do for themselves, with codes.
#[rustfmt::skip]
fn find_account(request: &Request) -> Option<Route> {
    Some(router!(request,
        (GET)  ["/auth/password/reset"] => inline("/auth/password/reset", page::password),
        (POST) ["/auth/password/reset"] => blocking("/auth/password/reset", passwords::request),
        (POST) ["/auth/password/reset/confirm"] => {
            blocking("/auth/password/reset/confirm", passwords::confirm)
        },
        (GET)  ["/auth/email/confirm"] => inline("/auth/email/confirm", page::address),
        (POST) ["/auth/email/confirm"] => blocking("/auth/email/confirm", addresses::confirm),
        (POST) ["/auth/email/change"] => blocking("/auth/email/change", addresses::change),
        (POST) ["/auth/register"] => blocking("/auth/register", registration::request),
        (GET)  ["/auth/register/confirm"] => inline("/auth/register/confirm", page::registration),
        (POST) ["/auth/register/confirm"] => {
            blocking("/auth/register/confirm", registration::confirm)
        },
        (GET)  ["/auth/account.js"] => inline("/auth/account.js", page::script),
        _ => return find_forward(request),
    ))
}

/// For how long a request may wait for something to happen.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many times as long as others a body for this path may be.
pub(super) fn body_factor(path: &str) -> usize {
    if path.trim_end_matches('/') == "/auth/verify/batch" {
        4
    } else {
        1
    }
}

/// `/auth/forward` and what is below it, for every method: it is that of the request which a proxy
/// holds. (The macro wants a method.)
fn find_forward(request: &Request) -> Option<Route> {
    match request.url().strip_prefix("/auth/forward")? {
        "" => Some(reading("/auth/forward", forward::decide)),
        rest if rest.starts_with('/') => {
            Some(reading("/auth/forward/{path}", forward::decide_below))
        }
        _ => None,
    }
}

/// The methods that a route may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Why there is no route: nothing at this path, or nothing for this method.
pub(super) fn refuse(request: &Request, table: Table) -> Problem {
    let allowed = allowed(request.raw_url(), table);
    if allowed.is_empty() {
        return Problem::new(Code::NotFound, "There is nothing at this path.");
    }
    let allowed = allowed.join(", ");
    Problem::new(
        Code::MethodNotAllowed,
        format!("This path knows {allowed}."),
    )
    .with_header("Allow", allowed)
}

/// The methods that have a route at this path.
pub(super) fn allowed(path: &str, table: Table) -> Vec<&'static str> {
    let known = |method: &&str| table(&Request::fake_http(*method, path, vec![], vec![])).is_some();
    let mut allowed: Vec<&str> = METHODS.into_iter().filter(known).collect();
    if allowed.contains(&"GET") {
        allowed.insert(1, "HEAD");
    }
    allowed
}

fn inline(
    template: &'static str,
    run: impl FnOnce(&App, &Request) -> Result<Response, Problem> + Send + 'static,
) -> Route {
    Route {
        template,
        lane: Lane::Inline,
        run: Box::new(run),
    }
}

pub(super) fn reading(
    template: &'static str,
    run: impl FnOnce(&App, &Request) -> Result<Response, Problem> + Send + 'static,
) -> Route {
    Route {
        template,
        lane: Lane::Reading,
        run: Box::new(run),
    }
}

pub(super) fn blocking(
    template: &'static str,
    run: impl FnOnce(&App, &Request) -> Result<Response, Problem> + Send + 'static,
) -> Route {
    Route {
        template,
        lane: Lane::Blocking,
        run: Box::new(run),
    }
}

/// One that may come again with its `Idempotency-Key`.
fn creating(template: &'static str, run: fn(&App, &Request) -> Result<Response, Problem>) -> Route {
    blocking(template, move |app, request| {
        idempotency::once(app, request, run)
    })
}

fn waiting(
    template: &'static str,
    run: impl FnOnce(&App, &Request) -> Result<Response, Problem> + Send + 'static,
) -> Route {
    Route {
        template,
        lane: Lane::Waiting,
        run: Box::new(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{documented, routes_of};

    /// Security statement 37: there is no method that another handler, or none, answers.
    #[test]
    fn a_proxy_may_ask_with_any_method() {
        let methods = METHODS
            .into_iter()
            .chain(["HEAD", "OPTIONS", "FOO", "get", "M-SEARCH"]);
        for method in methods {
            for (path, template) in [
                ("/auth/forward", Some("/auth/forward")),
                ("/auth/forward?group=a", Some("/auth/forward")),
                ("/auth/forward/a/b", Some("/auth/forward/{path}")),
                ("/auth/forward//", Some("/auth/forward/{path}")),
                ("/auth/forwards", None),
                ("/AUTH/forward", None),
            ] {
                let request = Request::fake_http(method, path, vec![], vec![]);
                let route = find(&request).map(|route| route.template);
                assert_eq!(route, template, "{method} {path}");
            }
        }
    }

    /// Security statement 89: every route of the server is in the document, and no other.
    #[test]
    fn the_document_and_the_table_have_the_same_routes() {
        let mut table = routes_of(include_str!("routes.rs"));
        let all = ["get", "put", "post", "delete", "options", "head", "patch"];
        table.extend(all.map(|method| (method.to_owned(), "/auth/forward".to_owned())));
        table.sort();
        assert_eq!(documented(&super::schema::document()), table);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let request = |method: &str, path: &str| Request::fake_http(method, path, vec![], vec![]);
        let response = refuse(&request("DELETE", "/auth/verify?x=1"), find).into_response();
        assert_eq!(response.status_code, 405);
        let allow = response
            .headers
            .iter()
            .find(|(name, _)| name == "Allow")
            .expect("has Allow");
        assert_eq!(allow.1, "GET, HEAD, POST");
        assert_eq!(
            refuse(&request("GET", "/nothing"), find)
                .into_response()
                .status_code,
            404
        );
    }
}

//! The paths of Django's simplejwt and djoser, in their words, for clients that were written for them:
//! a translation, over the same services as everything else. There only with `compat.django`.

mod activation;
mod body;
mod caller;
mod jwt;
mod me;
mod own_fields;
mod passwords;
mod refusal;
mod schema;
mod users;

use rouille::{Request, Response, router};

use super::App;
use super::problem::Problem;
use super::routes::{Route, blocking, reading};
use refusal::Refused;

pub(super) use refusal::in_its_words;
pub(super) use schema::added_to;

/// Whether a path is one of these, or below one of them: whatever is refused there is refused in these words.
pub(super) fn is_path(path: &str) -> bool {
    ["/api/token", "/auth/users", "/auth/jwt"]
        .iter()
        .filter_map(|start| path.strip_prefix(start))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The route for a request whose path has no slash at its end.
#[rustfmt::skip]
pub(super) fn find(request: &Request) -> Option<Route> {
    Some(router!(request,
        (POST) ["/api/token"] => blocking("/api/token", answering(jwt::create)),
        (POST) ["/api/token/refresh"] => blocking("/api/token/refresh", answering(jwt::refresh)),
        (POST) ["/api/token/verify"] => reading("/api/token/verify", answering(jwt::verify)),
        (POST) ["/api/token/blacklist"] => blocking("/api/token/blacklist", answering(jwt::blacklist)),
        (POST) ["/auth/jwt/create"] => blocking("/auth/jwt/create", answering(jwt::create)),
        (POST) ["/auth/jwt/refresh"] => blocking("/auth/jwt/refresh", answering(jwt::refresh)),
        (POST) ["/auth/jwt/verify"] => reading("/auth/jwt/verify", answering(jwt::verify)),
        (GET)  ["/auth/users/me"] => reading("/auth/users/me", answering(me::read)),
        (PUT)  ["/auth/users/me"] => blocking("/auth/users/me", answering(me::change)),
        (PATCH) ["/auth/users/me"] => blocking("/auth/users/me", answering(me::change)),
        (DELETE) ["/auth/users/me"] => blocking("/auth/users/me", answering(me::delete)),
        (GET)  ["/auth/users"] => blocking("/auth/users", answering(users::list)),
        (POST) ["/auth/users"] => blocking("/auth/users", answering(users::create)),
        (POST) ["/auth/users/set_password"] => {
            blocking("/auth/users/set_password", answering(passwords::set))
        },
        (POST) ["/auth/users/reset_password"] => {
            blocking("/auth/users/reset_password", answering(passwords::reset))
        },
        (POST) ["/auth/users/reset_password_confirm"] => {
            blocking("/auth/users/reset_password_confirm", answering(passwords::confirm))
        },
        (POST) ["/auth/users/activation"] => {
            blocking("/auth/users/activation", answering(activation::confirm))
        },
        (POST) ["/auth/users/resend_activation"] => {
            blocking("/auth/users/resend_activation", answering(activation::resend))
        },
        _ => None?,
    ))
}

/// A handler of this folder as one of the table's.
fn answering(
    run: fn(&App, &Request) -> Result<Response, Refused>,
) -> impl FnOnce(&App, &Request) -> Result<Response, Problem> + Send + 'static {
    move |app, request| match run(app, request) {
        Ok(response) => Ok(response),
        Err(Refused::InItsWords(refusal)) => Ok(refusal.into_response()),
        Err(Refused::Problem(problem)) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_below_these_paths_is_refused_in_these_words() {
        for path in ["/api/token", "/api/token/", "/auth/users/me", "/auth/jwt/x"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["/api/tokens", "/auth", "/auth/userside", "/", "/API/token"] {
            assert!(!is_path(path), "{path}");
        }
    }
}

//! `/auth/users` of djoser.

use rouille::{Request, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{self, Fields};
use super::caller;
use super::me::{self, Me};
use super::refusal::{self, Refusal, Refused};
use crate::domain::email::Email;
use crate::domain::permission::Builtin;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::account_codes::registration;
use crate::store::users::UserFilter;

/// There are no pages, so there is an end.
const MOST_LISTED: u32 = 1000;

/// List accounts
///
/// Whoever may see accounts sees all of them, if there are 1,000 at most; others see their own.
#[utoipa::path(
    get, path = "/auth/users", operation_id = "djoserUsers", tag = "django", security(("bearer" = [])),
    responses(
        (status = 200, description = "The accounts", body = Vec<Me>),
        (status = 400, description = "There are more", body = refusal::Body),
        (status = 401, description = "No token, or not a good one", body = refusal::Body),
        (status = 403, description = "The token is a client's", body = refusal::Body),
    ),
)]
pub(super) fn list(app: &App, request: &Request) -> Result<Response, Refused> {
    let own = caller::user(app, request)?.user;
    let actor = caller::actor(app, request)?;
    let users = if actor.authority.may(Builtin::UsersView) {
        let accounts = app.services.accounts(actor);
        let page = accounts.list(&UserFilter::default(), MOST_LISTED);
        let page = page.map_err(Problem::from)?;
        if page.next.is_some() {
            let detail = "There are more than 1000 accounts: see /users, which has pages.";
            return Err(Refusal::detail(400, detail).into());
        }
        page.users
    } else {
        vec![own]
    };
    let users: Vec<User> = users.into_iter().map(User::as_seen_by_itself).collect();
    let shown: Vec<Me<'_>> = users.iter().map(me::of).collect();
    Ok(body::json(&shown))
}

/// Who wants an account.
#[derive(ToSchema)]
#[schema(as = DjangoRegistration)]
pub(super) struct Registration {
    /// The address to log in with.
    #[schema(value_type = String, format = Email, example = "ada@example.com")]
    email: Email,
    /// Has to be there, and is not kept: the password is chosen by whoever has the code from the letter.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// What is known so far.
#[derive(Serialize, ToSchema)]
#[schema(as = DjangoRegistered)]
pub(super) struct Registered<'a> {
    /// The address to which a letter is on its way.
    email: &'a str,
}

/// Ask for an account
///
/// A code is mailed to the address; there is no account before it is used. The answer is the same if the
/// address has an account: its owner is told.
#[utoipa::path(
    post, path = "/auth/users", operation_id = "djoserRegister", tag = "django",
    request_body(content((Registration = "application/json"), (Registration = "application/x-www-form-urlencoded"))),
    responses(
        (status = 201, description = "Seen to", body = Registered),
        (status = 400, description = "A field is missing, or it is no address", body = refusal::FieldErrors),
        (status = 401, description = "There is a token, and it is not good", body = refusal::Body),
        (status = 403, description = "Nobody registers here by themselves", body = refusal::Body),
        (status = 429, description = "Too many letters were asked for from this address; see Retry-After", body = refusal::Body),
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Refused> {
    caller::present(app, request)?;
    let Registration { email, password } = wanted(&mut Fields::read(request)?)?;
    // Whoever has the address chooses one: nobody prepares an account for somebody else.
    drop(password);
    let from = origin::address_of(app, request);
    registration::request(&app.services, &email, from).map_err(Problem::from)?;
    let reply = Registered {
        email: email.as_str(),
    };
    Ok(body::json(&reply).with_status_code(201))
}

fn wanted(fields: &mut Fields) -> Result<Registration, Refused> {
    match (fields.email("email"), fields.secret("password")) {
        (Some(email), Some(password)) => Ok(Registration { email, password }),
        _ => Err(fields.refused()),
    }
}

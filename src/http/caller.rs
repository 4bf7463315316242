//! Who asks for something that not everybody may do.

use std::sync::Arc;

use rouille::Request;

use super::App;
use super::bearer;
use super::origin;
use super::problem::{Code, Problem};
use crate::domain::actor::Actor;
use crate::domain::authority::{Authority, Bearer, Denied};
use crate::service::verification::{self, Principal};

/// Whoever the bearer token stands for, with what that allows.
pub(super) fn actor(app: &App, request: &Request) -> Result<Actor, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let verification = verification::verify(&app.services, token)?;
    let scope = verification.claims.scope.clone();
    let authority = match verification.principal {
        Principal::User(user) => Authority::User(Box::new(Bearer {
            user: Arc::unwrap_or_clone(user),
            scope,
        })),
        Principal::Client(client) => Authority::Client(client.id.clone(), scope),
    };
    Ok(Actor {
        authority,
        address: origin::address_of(app, request),
    })
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::new(Code::Forbidden, super::values::sentence(&denied))
    }
}

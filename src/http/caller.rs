//! Who asks for something that not everybody may do.

use rouille::Request;

use super::App;
use super::bearer;
use super::origin;
use super::problem::{Code, Problem};
use crate::domain::actor::Actor;
use crate::domain::authority::Denied;
use crate::service::verification;

/// Whoever the bearer token stands for, with what that allows.
pub(super) fn actor(app: &App, request: &Request) -> Result<Actor, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let verification = verification::verify(&app.services, token)?;
    Ok(Actor {
        authority: verification.authority(),
        address: origin::address_of(app, request),
    })
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::new(Code::Forbidden, crate::domain::values::sentence(&denied))
    }
}

//! Who asks.

use std::sync::Arc;

use super::refusal::{Code, Refusal};
use crate::domain::actor::Actor;
use crate::domain::secret::Secret;
use crate::domain::session::{Origin, SessionId};
use crate::domain::user::User;
use crate::service::Services;
use crate::service::account_codes::managed::AccountCodes;
use crate::service::accounts::Accounts;
use crate::service::management::Management;
use crate::service::own_account::Owner;
use crate::service::verification::{self, Principal, Verification};
use crate::tokens::claims::Subject;

/// Whoever sent a request, as far as they have shown who they are.
pub(super) struct Caller {
    pub(super) services: Arc<Services>,
    pub(super) origin: Origin,
    /// What the request is called in the log.
    pub(super) request_id: String,
    standing: Standing,
}

/// What the bearer token is worth. Only the fields that need a good one are refused for another: a login
/// is for whoever has none, whatever their program still sends.
enum Standing {
    None,
    Good(Secret<String>, Box<Verification>),
    Bad(Secret<String>, Refusal),
}

impl Caller {
    /// Looks the token up, once.
    pub(super) fn of(
        services: Arc<Services>,
        token: Option<Secret<String>>,
        origin: Origin,
        request_id: String,
    ) -> Self {
        let standing = match token {
            None => Standing::None,
            Some(token) => match verification::verify(&services, token.expose()) {
                Ok(verification) => Standing::Good(token, Box::new(verification)),
                Err(error) => Standing::Bad(token, error.into()),
            },
        };
        Self {
            services,
            origin,
            request_id,
            standing,
        }
    }

    /// Whether there is a good token.
    pub(super) fn is_known(&self) -> bool {
        matches!(self.standing, Standing::Good(..))
    }

    /// The token, good or not.
    pub(super) fn token(&self) -> Result<&str, Refusal> {
        match &self.standing {
            Standing::None => Err(missing()),
            Standing::Good(token, _) | Standing::Bad(token, _) => Ok(token.expose()),
        }
    }

    /// What the token stands for.
    pub(super) fn verification(&self) -> Result<&Verification, Refusal> {
        match &self.standing {
            Standing::None => Err(missing()),
            Standing::Good(_, verification) => Ok(verification),
            Standing::Bad(_, refusal) => Err(refusal.clone()),
        }
    }

    /// The user whom the token stands for.
    pub(super) fn user(&self) -> Result<&User, Refusal> {
        match &self.verification()?.principal {
            Principal::User(user) => Ok(user),
            Principal::Client(_) => {
                let message = "This is about users, and the token is a client's.";
                Err(Refusal::new(Code::Forbidden, message))
            }
        }
    }

    /// The session that the token belongs to, if it is a user's.
    pub(super) fn session(&self) -> Result<Option<SessionId>, Refusal> {
        Ok(match self.verification()?.claims.subject {
            Subject::User { session, .. } => session,
            Subject::Client(_) => None,
        })
    }

    /// The user as somebody who wants to log in with something else from now on.
    pub(super) fn owner(&self) -> Result<Owner<'_>, Refusal> {
        Ok(Owner {
            user: self.user()?,
            session: self.session()?,
            scope: &self.verification()?.claims.scope,
            address: self.origin.address,
        })
    }

    /// Whoever manages something.
    pub(super) fn desk(&self) -> Result<Management, Refusal> {
        Ok(self.services.managed_by(self.actor()?))
    }

    /// The accounts, managed by them.
    pub(super) fn accounts(&self) -> Result<Accounts, Refusal> {
        Ok(self.services.accounts(self.actor()?))
    }

    /// Codes for the accounts of others, made by them.
    pub(super) fn account_codes(&self) -> Result<AccountCodes, Refusal> {
        Ok(self.services.account_codes(self.actor()?))
    }

    fn actor(&self) -> Result<Actor, Refusal> {
        Ok(Actor {
            authority: self.verification()?.authority(),
            address: self.origin.address,
        })
    }
}

fn missing() -> Refusal {
    let message = "Send a token as 'Authorization: Bearer ...'.";
    Refusal::new(Code::InvalidToken, message)
}

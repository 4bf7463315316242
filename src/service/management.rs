//! What managing anything takes: the database, time and randomness, and somebody who does it.

use std::sync::Arc;

use super::Sources;
use super::accounts::AccountError;
use crate::domain::actor::Actor;
use crate::domain::authority::{Authority, Bearer};
use crate::domain::scope::Scope;
use crate::domain::user::UserRef;
use crate::store::{Store, StoreError, Tx, users};

/// Somebody at work on a database.
#[derive(Clone)]
pub struct Management {
    pub(super) store: Arc<Store>,
    pub(super) sources: Sources,
    pub(super) by: Actor,
}

impl Management {
    /// Somebody at work on this database.
    pub fn new(store: Arc<Store>, sources: Sources, by: Actor) -> Self {
        Self { store, sources, by }
    }

    /// The same with the rights of an account, and in its name.
    pub fn on_behalf_of(self, name: &UserRef) -> Result<Self, AccountError> {
        let found = self
            .store
            .read(|connection| users::find(connection, name))?;
        let user = found.filter(|user| user.is_active);
        let user = user.ok_or_else(|| AccountError::NotFound(name.clone()))?;
        let scope = Scope::default();
        let by = Actor {
            authority: Authority::User(Box::new(Bearer { user, scope })),
            ..self.by
        };
        Ok(Self { by, ..self })
    }

    /// What is allowed, as it was when the request came.
    pub(super) fn authority(&self) -> &Authority {
        &self.by.authority
    }

    /// What is allowed at the moment of a transaction: an account may have lost its rights, or be
    /// gone, since its token was verified.
    pub(super) fn authority_now(&self, tx: &Tx<'_>) -> Result<Authority, StoreError> {
        let Authority::User(bearer) = &self.by.authority else {
            return Ok(self.by.authority.clone());
        };
        let mut bearer = bearer.clone();
        match users::find(tx, &UserRef::Id(bearer.user.id))? {
            Some(user) if user.is_active => bearer.user = user,
            _ => bearer.user.lose_rights(),
        }
        Ok(Authority::User(bearer))
    }
}

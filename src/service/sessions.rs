//! Sessions as their owners and administrators see them: listing and ending.

use std::net::IpAddr;
use std::sync::Arc;

use super::Services;
use super::management::{Management, MayBeDenied};
use super::scribe::Scribe;
use super::verification::{self, Refusal, VerifyError};
use crate::domain::audit::{Action, Entry, Who};
use crate::domain::authority::{Deed, Denied, NarrowScope, require_scope};
use crate::domain::permission::Builtin;
use crate::domain::scope::Scope;
use crate::domain::session::{Session, SessionId};
use crate::domain::user::{UserId, UserRef};
use crate::store::sessions::{self, Which};
use crate::store::{Fault, Store, StoreError, users};
use crate::tokens::claims::Subject;

/// Why nothing was ended or listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such account.
    #[error("there is no account '{0}'")]
    NoAccount(UserRef),
    /// There is no such session, or it is somebody else's.
    #[error("there is no session '{0}': it has ended, or never was")]
    NotFound(SessionId),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller may, and not with this token.
    #[error(transparent)]
    NarrowScope(#[from] NarrowScope),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nobody was logged out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutError {
    /// The token is not good.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is not for more than its own session.
    #[error(transparent)]
    NarrowScope(#[from] NarrowScope),
}

impl From<StoreError> for LogoutError {
    fn from(error: StoreError) -> Self {
        Self::Verify(error.into())
    }
}

/// Some sessions in the order they were begun.
#[derive(Debug)]
pub struct Page {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<SessionId>,
}

/// Which sessions of its own user a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logout {
    /// The one it belongs to.
    This,
    /// Every one.
    All,
    /// Every one but that it belongs to.
    Others,
}

impl Logout {
    fn name(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::All => "all",
            Self::Others => "others",
        }
    }
}

/// Ends sessions of the user behind a token. That its own has ended already is no error if that was
/// meant, or if there is no other.
///
/// A token with a scope may always end its own session; for others the scope must have `sessions.delete`.
pub fn logout(
    services: &Services,
    token: &str,
    which: Logout,
    address: Option<IpAddr>,
) -> Result<(), LogoutError> {
    let claims = match verification::verify(services, token) {
        Ok(verification) => verification.claims,
        Err(VerifyError::Refused(Refusal::SessionEnded)) => {
            return Ok(after_its_end(services, token, which)?);
        }
        Err(error) => return Err(error.into()),
    };
    // A client has no session to end.
    let Subject::User { id, session } = claims.subject else {
        return Ok(());
    };
    if which != Logout::This {
        require_scope(&claims.scope, Builtin::SessionsDelete)?;
    }
    let clock = Arc::clone(&services.sources.clock);
    let scribe = Scribe::at(Who::User(id), address, &services.sources);
    services.store.write(move |tx| {
        let now = clock.now();
        let ended = match (which, session) {
            // An API token has none.
            (Logout::This, None) => 0,
            (Logout::This, Some(session)) => usize::from(sessions::end(tx, session, now)?),
            (Logout::All, _) | (Logout::Others, None) => sessions::end_of(tx, id, Which::All, now)?,
            (Logout::Others, Some(session)) => {
                sessions::end_of(tx, id, Which::AllBut(session), now)?
            }
        };
        if ended == 0 {
            return Ok(());
        }
        let mut entry = Entry {
            session,
            ..Entry::new(Action::Logout).user(id)
        };
        entry.note("which", which.name());
        entry.note("sessions", ended);
        scribe.write(tx, &entry, now)
    })?;
    Ok(())
}

/// What a token whose session has ended does: nothing, and says so where something was to be done.
fn after_its_end(services: &Services, token: &str, which: Logout) -> Result<(), VerifyError> {
    let claims = verification::claims_of(services, token)?;
    let is_done = match claims.subject {
        Subject::User { id, .. } if which != Logout::This => all_of(services, id)?.is_empty(),
        _ => true,
    };
    if is_done {
        Ok(())
    } else {
        Err(Refusal::SessionEnded.into())
    }
}

/// The sessions of the account behind a token with this scope: it must have `sessions.view`, or be empty.
pub fn of_user(
    services: &Services,
    user: UserId,
    scope: &Scope,
) -> Result<Vec<Session>, SessionError> {
    require_scope(scope, Builtin::SessionsView)?;
    Ok(all_of(services, user)?)
}

fn all_of(services: &Services, user: UserId) -> Result<Vec<Session>, StoreError> {
    let limit = services.session_rules.per_user;
    services
        .store
        .read(|connection| sessions::list(connection, Some(user), None, limit))
}

/// Ends a session of the account behind a token with this scope, which must have `sessions.delete` or be
/// empty; anybody else's is as good as none.
pub fn end_own(
    services: &Services,
    user: UserId,
    scope: &Scope,
    id: SessionId,
    address: Option<IpAddr>,
) -> Result<(), SessionError> {
    require_scope(scope, Builtin::SessionsDelete)?;
    let clock = Arc::clone(&services.sources.clock);
    let scribe = Scribe::at(Who::User(user), address, &services.sources);
    let ended = services.store.write(move |tx| {
        let now = clock.now();
        let own = sessions::find(tx, id)?.is_some_and(|session| session.user_id == user);
        let ended = own && sessions::end(tx, id, now)?;
        if ended {
            let entry = Entry::new(Action::SessionEnded).user(user).session(id);
            scribe.write(tx, &entry, now)?;
        }
        Ok(ended)
    })?;
    if ended {
        Ok(())
    } else {
        Err(SessionError::NotFound(id))
    }
}

/// One page of the sessions of one account, or of all.
pub fn list(
    desk: &Management,
    user: Option<&UserRef>,
    after: Option<SessionId>,
    limit: u32,
) -> Result<Page, SessionError> {
    desk.check_view(Builtin::SessionsView, Action::SessionViewed)?;
    let user = user.map(|name| find(&desk.store, name)).transpose()?;
    let ask = limit.saturating_add(1);
    let mut found = desk
        .store
        .read(|connection| sessions::list(connection, user, after, ask))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|session| session.id);
    Ok(Page {
        sessions: found,
        next,
    })
}

/// The sessions of somebody else.
pub fn of_other(
    desk: &Management,
    name: &UserRef,
    limit: u32,
) -> Result<Vec<Session>, SessionError> {
    Ok(list(desk, Some(name), None, limit)?.sessions)
}

/// Ends every session of somebody else.
pub fn end_of_other(desk: &Management, name: &UserRef) -> Result<(), SessionError> {
    end_all(desk, name).map(drop)
}

/// Ends a session.
pub fn end(desk: &Management, id: SessionId) -> Result<(), SessionError> {
    desk.attempt(Action::SessionEnded, move |work| {
        work.entry.session = Some(id);
        let absent = || Fault::Refused(SessionError::NotFound(id));
        work.by.require(Builtin::SessionsDelete).map_err(refused)?;
        let session = sessions::find(work.tx, id)?.ok_or_else(absent)?;
        let user = users::find(work.tx, &UserRef::Id(session.user_id))?.ok_or_else(absent)?;
        work.entry.user = Some(user.id);
        work.by.check(Deed::Sessions, &user).map_err(refused)?;
        let ended = sessions::end(work.tx, id, work.now)?;
        ended.then_some(()).ok_or_else(absent)
    })
}

/// Ends every session of the account of that name; returns how many there were.
pub fn end_all(desk: &Management, name: &UserRef) -> Result<usize, SessionError> {
    let name = name.clone();
    desk.attempt(Action::SessionAllEnded, move |work| {
        work.by.require(Builtin::SessionsDelete).map_err(refused)?;
        let user = users::find(work.tx, &name)?;
        let user = user.ok_or(Fault::Refused(SessionError::NoAccount(name)))?;
        work.entry.user = Some(user.id);
        work.by.check(Deed::Sessions, &user).map_err(refused)?;
        let ended = sessions::end_of(work.tx, user.id, Which::All, work.now)?;
        work.entry.note("sessions", ended);
        work.is_change = ended > 0;
        Ok(ended)
    })
}

fn find(store: &Store, name: &UserRef) -> Result<UserId, SessionError> {
    let user = store.read(|connection| users::find(connection, name))?;
    user.map(|user| user.id)
        .ok_or_else(|| SessionError::NoAccount(name.clone()))
}

fn refused(denied: Denied) -> Fault<SessionError> {
    Fault::Refused(denied.into())
}

impl MayBeDenied for SessionError {
    fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            _ => None,
        }
    }
}

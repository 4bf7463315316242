//! Every account, to be kept or carried elsewhere: one after the other, as they all are at one moment.

use std::ops::ControlFlow;

use super::accounts::AccountError;
use super::management::Management;
use crate::domain::audit::Action;
use crate::domain::client::Client;
use crate::domain::field::Field;
use crate::domain::group::Group;
use crate::domain::permission::{Builtin, Permission};
use crate::store::users::WholeUser;
use crate::store::{Conn, StoreError, clients, fields, groups, permissions, users};

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Accounts.
    Users,
    /// Accounts, and what there is for them: groups, permissions, clients. For superusers.
    Everything,
}

/// Whether password hashes are among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashes {
    /// They are, which is for superusers, and is written down.
    Exported,
    /// They are not.
    Kept,
}

/// What there is beside the accounts.
#[derive(Debug, Default)]
pub struct Inventory {
    /// How many accounts there are.
    pub users: u64,
    /// Every own field, by name.
    pub fields: Vec<Field>,
    /// Every permission of the installation's own, by name; none for [`Contents::Users`].
    pub permissions: Vec<Permission>,
    /// Every group, by name; none for [`Contents::Users`].
    pub groups: Vec<Group>,
    /// Every client, by id; none for [`Contents::Users`].
    pub clients: Vec<Client>,
}

/// What comes next.
#[derive(Debug)]
pub enum Part {
    /// First of all.
    Inventory(Inventory),
    /// An account. Its hash is there for [`Hashes::Exported`] alone.
    User(Box<WholeUser>),
}

/// Gives every part to `take` until that says it is enough, and says how many accounts there were.
pub fn run(
    desk: &Management,
    contents: Contents,
    hashes: Hashes,
    mut take: impl FnMut(Part) -> ControlFlow<()>,
) -> Result<u64, AccountError> {
    desk.check_view(Builtin::UsersView, Action::UserViewed)?;
    if contents == Contents::Everything {
        let allowed = desk.authority().require_superuser();
        desk.check(allowed, Action::UserViewed)?;
    }
    if hashes == Hashes::Exported {
        desk.attempt(Action::UserHashesExported, |work| {
            let allowed = work.by.require_superuser();
            allowed.map_err(super::accounts::refused)
        })?;
    }
    let mut count = 0;
    let walked = desk.store.snapshot(|connection| {
        let mut next = |part| match take(part) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StoreError::Refused),
        };
        next(Part::Inventory(inventory(connection, contents)?))?;
        users::whole(connection, |mut user| {
            if hashes == Hashes::Kept {
                user.password_hash = None;
            }
            count += 1;
            next(Part::User(Box::new(user)))
        })
    });
    match walked {
        Ok(()) | Err(StoreError::Refused) => Ok(count),
        Err(error) => Err(error.into()),
    }
}

fn inventory(connection: &Conn, contents: Contents) -> Result<Inventory, StoreError> {
    let accounts = Inventory {
        users: users::count(connection)?,
        fields: fields::all(connection)?,
        ..Inventory::default()
    };
    if contents == Contents::Users {
        return Ok(accounts);
    }
    let mut permissions = permissions::list(connection, None, u32::MAX)?;
    permissions.retain(|permission| !permission.is_builtin);
    Ok(Inventory {
        permissions,
        groups: groups::list(connection, None, u32::MAX)?,
        clients: clients::list(connection, None, u32::MAX)?,
        ..accounts
    })
}

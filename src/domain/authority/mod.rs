//! Who may do what, and to whom: the rules of `docs/users.md`.

use crate::domain::client::ClientId;
use crate::domain::group::Group;
use crate::domain::permission::{Builtin, PermissionName};
use crate::domain::scope::Scope;
use crate::domain::user::{User, UserId};

/// On whose behalf something is done, and what that allows.
#[derive(Clone, Debug, PartialEq)]
pub enum Authority {
    /// Somebody at the machine, through `authctl`: whoever can write the database may do everything.
    /// The name is that of their account there.
    Operator(String),
    /// A user, by a token.
    User(Box<Bearer>),
    /// Another service, by a token of its own or its secret: its scope are its permissions.
    Client(ClientId, Scope),
}

/// A user with a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearer {
    /// The account as of the request.
    pub user: User,
    /// What the token may be used for. Empty: whatever the account may.
    pub scope: Scope,
}

/// What is about to be done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    /// Its names, its address, its phone number, its password, its own fields are changed.
    Profile,
    /// It is disabled or enabled.
    Activity,
    /// It becomes staff or a superuser, or stops being so.
    Standing,
    /// It is given this permission, or loses it.
    Permission(&'a PermissionName),
    /// It is put into this group, or taken out of it.
    Membership(&'a Group),
    /// Its sessions are ended.
    Sessions,
    /// It is deleted.
    Deletion,
}

/// Why somebody may not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The permission is missing, or the mark of staff without which none counts.
    #[error("this needs the permission '{0}'")]
    Lacks(PermissionName),
    /// Only superusers may.
    #[error("only superusers may do this")]
    SuperusersOnly,
    /// The account or the group may do something that the caller may not.
    #[error("the caller may not do this to somebody who may do more than the caller")]
    Above,
    /// The token is for something in particular.
    #[error("a token with a scope is not for this")]
    Scoped,
    /// Not a user.
    #[error("this is about users, and the caller is none")]
    NoUser,
    /// Nobody but superusers changes what they may do themselves.
    #[error("the caller may not change what the caller may do")]
    Own,
}

/// The token may be used for less than its user may do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token's scope does not have '{0}'")]
pub struct NarrowScope(pub PermissionName);

/// Fails if a user's token may not be used for this. One without a scope may, for whatever its user may.
pub fn require_scope(scope: &Scope, what: Builtin) -> Result<(), NarrowScope> {
    if scope.is_empty() || scope.contains(what.name()) {
        Ok(())
    } else {
        Err(NarrowScope(what.into()))
    }
}

impl Authority {
    /// Whether this permission is there.
    pub fn may(&self, what: Builtin) -> bool {
        match self {
            Self::Operator(_) => true,
            Self::User(bearer) => {
                let (user, scope) = (&bearer.user, &bearer.scope);
                let allowed =
                    user.is_superuser || user.is_staff && has(&user.permissions, what.name());
                allowed && require_scope(scope, what).is_ok()
            }
            Self::Client(_, scope) => scope.contains(what.name()),
        }
    }

    /// Fails unless this permission is there.
    pub fn require(&self, what: Builtin) -> Result<(), Denied> {
        if self.may(what) {
            Ok(())
        } else {
            Err(Denied::Lacks(what.into()))
        }
    }

    /// Fails unless everything is allowed: what concerns the whole installation.
    pub fn require_superuser(&self) -> Result<(), Denied> {
        if self.is_superuser() {
            Ok(())
        } else {
            Err(Denied::SuperusersOnly)
        }
    }

    /// Whether this deed may be done to this account.
    pub fn check(&self, deed: Deed<'_>, target: &User) -> Result<(), Denied> {
        self.require(match deed {
            Deed::Deletion => Builtin::UsersDelete,
            Deed::Sessions => Builtin::SessionsDelete,
            Deed::Membership(_) => Builtin::GroupsChange,
            _ => Builtin::UsersChange,
        })?;
        if self.is_superuser() {
            return Ok(());
        }
        let own = self.user().is_some_and(|user| user.id == target.id);
        match deed {
            Deed::Standing => return Err(Denied::SuperusersOnly),
            Deed::Permission(_) | Deed::Membership(_) | Deed::Activity if own => {
                return Err(Denied::Own);
            }
            Deed::Permission(name) if !self.holds(name) => return Err(Denied::Above),
            Deed::Membership(group) => self.check_not_above(&group.permissions)?,
            _ => {}
        }
        if target.is_superuser || target.is_staff && self.user().is_none() {
            return Err(Denied::Above);
        }
        self.check_not_above(&target.permissions)
    }

    /// Whether a group's name or permissions may be changed, or the group deleted.
    ///
    /// Proxies let people in by the names of their groups: nobody renames their own.
    pub fn check_group(&self, what: Builtin, group: &Group) -> Result<(), Denied> {
        self.require(what)?;
        if self.is_superuser() {
            return Ok(());
        }
        let name = group.name.as_str();
        if self
            .user()
            .is_some_and(|user| user.groups.iter().any(|own| own == name))
        {
            return Err(Denied::Own);
        }
        self.check_not_above(&group.permissions)
    }

    /// Whether a group may be given this permission, or lose it.
    pub fn check_group_permission(
        &self,
        group: &Group,
        name: &PermissionName,
    ) -> Result<(), Denied> {
        self.check_group(Builtin::GroupsChange, group)?;
        if self.is_superuser() || self.holds(name) {
            Ok(())
        } else {
            Err(Denied::Above)
        }
    }

    /// Whether a new account may have this standing from the start.
    pub fn check_new(&self, is_staff: bool, is_superuser: bool) -> Result<(), Denied> {
        self.require(Builtin::UsersAdd)?;
        if is_staff || is_superuser {
            self.require_superuser()?;
        }
        Ok(())
    }

    /// The account that may be changed as one's own.
    pub fn own_account(&self) -> Result<UserId, Denied> {
        match self {
            Self::User(bearer) if bearer.scope.is_empty() => Ok(bearer.user.id),
            Self::User(_) => Err(Denied::Scoped),
            Self::Operator(_) | Self::Client(..) => Err(Denied::NoUser),
        }
    }

    /// The account behind it, if there is one.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(bearer) => Some(&bearer.user),
            Self::Operator(_) | Self::Client(..) => None,
        }
    }

    /// The account's id, if there is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    fn is_superuser(&self) -> bool {
        match self {
            Self::Operator(_) => true,
            Self::User(bearer) => bearer.user.is_superuser && bearer.scope.is_empty(),
            Self::Client(..) => false,
        }
    }

    /// Whether this may be passed on.
    fn holds(&self, name: &PermissionName) -> bool {
        match self {
            Self::Operator(_) => true,
            Self::User(bearer) => {
                let scope = &bearer.scope;
                has(&bearer.user.permissions, name.as_str())
                    && (scope.is_empty() || scope.contains(name.as_str()))
            }
            Self::Client(_, scope) => scope.contains(name.as_str()),
        }
    }

    fn check_not_above(&self, permissions: &[PermissionName]) -> Result<(), Denied> {
        if permissions.iter().all(|name| self.holds(name)) {
            Ok(())
        } else {
            Err(Denied::Above)
        }
    }
}

fn has(permissions: &[PermissionName], name: &str) -> bool {
    permissions.iter().any(|held| held.as_str() == name)
}

#[cfg(test)]
mod tests;

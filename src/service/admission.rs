//! May the holder of this token come in here? What a proxy asks on behalf of a service.

use super::Services;
use super::verification::{self, Principal, Verification, VerifyError};
use crate::domain::scope::Scope;

/// What a service wants of those who come: all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The account is in each of these groups.
    pub groups: Vec<String>,
    /// The token has each of these scopes.
    pub scopes: Vec<String>,
    /// The account is marked as staff.
    pub staff: bool,
    /// The account is a superuser. That alone does not make it staff, as in Django.
    pub superuser: bool,
}

/// What the holder of a good token lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lack {
    /// A group.
    #[error("the account is not in a group that is needed")]
    Group,
    /// Being staff, or a superuser.
    #[error("the account has not the standing that is needed")]
    Standing,
    /// A scope of the token: another token of the same account may have it.
    #[error("the token has not a scope that is needed")]
    Scope,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// The token is not good, or that cannot be told.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The token is good and not enough.
    #[error(transparent)]
    Lacks(#[from] Lack),
}

/// Checks a token as [`verification::verify`] does, and then what is required of it.
pub fn admit(
    services: &Services,
    token: &str,
    requirements: &Requirements,
) -> Result<Verification, AdmitError> {
    let verification = verification::verify(services, token)?;
    requirements.check(&verification.principal, &verification.claims.scope)?;
    Ok(verification)
}

impl Requirements {
    /// A client has no groups and no standing.
    fn check(&self, principal: &Principal, scope: &Scope) -> Result<(), Lack> {
        let user = principal.user();
        let is_staff = user.is_some_and(|user| user.is_staff);
        let is_superuser = user.is_some_and(|user| user.is_superuser);
        if (self.staff && !is_staff) || (self.superuser && !is_superuser) {
            return Err(Lack::Standing);
        }
        let groups = user.map_or(&[][..], |user| &user.groups);
        if !self.groups.iter().all(|group| groups.contains(group)) {
            return Err(Lack::Group);
        }
        if !self.scopes.iter().all(|word| scope.contains(word)) {
            return Err(Lack::Scope);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::trial::Trial;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everything_that_is_required_is_needed() {
        let mut user = Trial::new().user;
        user.groups = words("billing support");
        user.is_staff = true;
        let check = |groups: &str, scopes: &str, staff, superuser| {
            let requirements = Requirements {
                groups: words(groups),
                scopes: words(scopes),
                staff,
                superuser,
            };
            let scope = "read write".parse().expect("is a scope");
            requirements.check(&Principal::User(user.clone().into()), &scope)
        };
        assert_eq!(check("", "", false, false), Ok(()));
        assert_eq!(check("billing support", "read write", true, false), Ok(()));
        for groups in [
            "admins",
            "billing admins",
            "Billing",
            "bill",
            "billing|support",
        ] {
            assert_eq!(
                check(groups, "read", true, false),
                Err(Lack::Group),
                "{groups}"
            );
        }
        for scopes in ["admin", "read admin", "READ", "rea", "read,write"] {
            assert_eq!(
                check("billing", scopes, true, false),
                Err(Lack::Scope),
                "{scopes}"
            );
        }
        assert_eq!(check("billing", "read", true, true), Err(Lack::Standing));
    }

    /// A superuser is in no group that it was not put into, and no staff unless it is marked so.
    #[test]
    fn a_superuser_is_asked_for_the_same_as_others() {
        let mut user = Trial::new().user;
        (user.is_staff, user.is_superuser) = (false, true);
        let all = Requirements {
            superuser: true,
            ..Requirements::default()
        };
        let (user, none) = (Principal::User(user.into()), Scope::default());
        assert_eq!(all.check(&user, &none), Ok(()));
        let staff = Requirements {
            staff: true,
            ..all.clone()
        };
        assert_eq!(staff.check(&user, &none), Err(Lack::Standing));
        let group = Requirements {
            groups: words("billing"),
            ..all
        };
        assert_eq!(group.check(&user, &none), Err(Lack::Group));
    }
}

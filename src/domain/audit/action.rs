//! What is done, by name.

use std::str::FromStr;

macro_rules! actions {
    ($($name:literal => $variant:ident: $doc:literal,)*) => {
        /// What is done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = $doc] $variant,)*
        }

        impl Action {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it goes by.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

actions! {
    "login" => Login: "Somebody logged in, or was refused",
    "logout" => Logout: "Somebody ended sessions of their own: this one, all or all others",
    "refresh_token.reused" => RefreshTokenReused: "A refresh token came back after it was exchanged: somebody else has it; its session was ended",
    "session.ended" => SessionEnded: "A session was ended, by its owner, an administrator or its client",
    "session.all_ended" => SessionAllEnded: "Every session of an account was ended",
    "session.viewed" => SessionViewed: "Somebody wanted to see the sessions of others and may not",
    "token.revoked" => TokenRevoked: "A client revoked an access token of its own",
    "user.added" => UserAdded: "An account was added",
    "user.changed" => UserChanged: "An account was changed: `changed` names what",
    "user.password_changed" => UserPasswordChanged: "An account was given another password; its sessions ended",
    "user.enabled" => UserEnabled: "An account may log in again",
    "user.disabled" => UserDisabled: "An account may not log in; its sessions ended",
    "user.deleted" => UserDeleted: "An account was deleted",
    "user.granted" => UserGranted: "An account was given a permission by itself",
    "user.revoked" => UserRevoked: "A permission was taken back from an account",
    "user.viewed" => UserViewed: "Somebody wanted to see accounts and may not",
    "user.hashes_exported" => UserHashesExported: "Somebody exported accounts with their password hashes",
    "group.added" => GroupAdded: "A group was added",
    "group.renamed" => GroupRenamed: "A group was given another name",
    "group.deleted" => GroupDeleted: "A group was deleted",
    "group.user_added" => GroupUserAdded: "An account became a member of a group",
    "group.user_removed" => GroupUserRemoved: "An account was taken out of a group",
    "group.granted" => GroupGranted: "A group was given a permission",
    "group.revoked" => GroupRevoked: "A permission was taken back from a group",
    "group.viewed" => GroupViewed: "Somebody wanted to see groups or permissions and may not",
    "permission.added" => PermissionAdded: "A permission was added",
    "permission.changed" => PermissionChanged: "A permission was given another description",
    "permission.deleted" => PermissionDeleted: "A permission was deleted",
    "field.added" => FieldAdded: "A field of accounts was added",
    "field.changed" => FieldChanged: "The rules of a field were changed",
    "field.renamed" => FieldRenamed: "A field was given another name",
    "field.deleted" => FieldDeleted: "A field was deleted, with what accounts had in it",
    "client.added" => ClientAdded: "A client was added",
    "client.changed" => ClientChanged: "The name, the scopes or the audiences of a client were changed",
    "client.secret_rotated" => ClientSecretRotated: "A client was given another secret",
    "client.enabled" => ClientEnabled: "A client may do what it may again",
    "client.disabled" => ClientDisabled: "A client was stopped; the sessions made through it ended",
    "client.deleted" => ClientDeleted: "A client was deleted",
    "api_token.added" => ApiTokenAdded: "An API token was made",
    "api_token.revoked" => ApiTokenRevoked: "An API token was revoked",
    "webhook.added" => WebhookAdded: "A webhook was added: `webhook` is its id",
    "webhook.retried" => WebhookRetried: "A webhook is to be told at once what had failed",
    "webhook.deleted" => WebhookDeleted: "A webhook was deleted",
    "key.added" => KeyAdded: "A signing key was made, to sign from some time on",
    "key.promoted" => KeyPromoted: "A signing key took the place of the one before",
    "key.retired" => KeyRetired: "A signing key verifies no longer",
    "key.revoked" => KeyRevoked: "A signing key may have leaked: it verifies no longer, and never again",
    "key.resealed" => KeyResealed: "A signing key was sealed anew, under another secret",
    "user.invited" => UserInvited: "An account was given a code for its first password",
    "user.reset_started" => UserResetStarted: "An administrator gave an account a code for another password",
    "user.reset_wanted" => UserResetWanted: "Somebody wanted another password for an address; `failed`: it has no account that can log in",
    "user.confirmation_started" => UserConfirmationStarted: "An account was given a code to confirm its address",
    "user.email_confirmed" => UserEmailConfirmed: "Somebody who reads the mail of an account's address has confirmed it",
    "user.email_change_wanted" => UserEmailChangeWanted: "An account is to have another address, or the password given for that was wrong",
    "registration.wanted" => RegistrationWanted: "Somebody wanted an account for an address; `failed`: it has one",
    "letter.given_up" => LetterGivenUp: "A letter could not be sent until its time was over",
    "audit.viewed" => AuditViewed: "Somebody wanted to see these events and may not",
}

/// The text is no name of an action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no event of that name: docs/audit.md lists them, as user.added or login")]
pub struct ActionError;

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        let mut all = Self::ALL.iter().copied();
        all.find(|action| action.name() == text).ok_or(ActionError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name_and_no_two_share_one() {
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(*action));
        }
        assert_eq!("user".parse::<Action>(), Err(ActionError));
    }

    #[test]
    fn the_manual_lists_every_action() {
        let manual = include_str!("../../../docs/audit.md");
        let line = |action: &Action| format!("| `{}` | {} |", action.name(), action.meaning());
        let lines: Vec<String> = Action::ALL.iter().map(line).collect();
        assert!(manual.contains(&lines.join("\n")), "{}", lines.join("\n"));
    }
}

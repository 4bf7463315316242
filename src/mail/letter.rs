//! What is written to people, and why.

use serde::{Deserialize, Serialize};

use crate::domain::email::Email;
use crate::domain::user::User;

/// What a letter is about. Its templates go by the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// With a code: another password.
    PasswordReset,
    /// With a code: the first password.
    Invitation,
    /// With a code: an account with this address.
    Registration,
    /// Somebody wanted an account with this address, which has one.
    AddressInUse,
    /// With a code: the address is its owner's.
    EmailConfirmation,
    /// With a code, to the new address: the account's from now on.
    EmailChange,
    /// To the old address: another is about to take its place.
    EmailChangeWanted,
    /// To the old address: another has taken its place.
    EmailChanged,
}

impl Subject {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::PasswordReset,
        Self::Invitation,
        Self::Registration,
        Self::AddressInUse,
        Self::EmailConfirmation,
        Self::EmailChange,
        Self::EmailChangeWanted,
        Self::EmailChanged,
    ];

    /// What it goes by.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::Invitation => "invitation",
            Self::Registration => "registration",
            Self::AddressInUse => "address_in_use",
            Self::EmailConfirmation => "email_confirmation",
            Self::EmailChange => "email_change",
            Self::EmailChangeWanted => "email_change_wanted",
            Self::EmailChanged => "email_changed",
        }
    }
}

/// What a letter's templates can name. It may hold a code: there is no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Where people log in, as auth.example.com.
    pub service: String,
    /// The address that the letter goes to.
    pub email: String,
    /// The account's first name; may be empty.
    pub first_name: String,
    /// The page to open; empty: there is none.
    pub link: String,
    /// For how long that is good, as "3 days".
    pub lasts: String,
    /// The account's address to be.
    pub new_email: String,
}

/// A letter to one person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Letter {
    /// What it is about.
    pub subject: Subject,
    /// Where it goes: the domain in ASCII, as mail servers know it.
    pub to: String,
    /// What it says.
    pub facts: Facts,
}

impl Letter {
    /// To this address, of nobody in particular.
    pub fn to(subject: Subject, email: &Email, facts: Facts) -> Self {
        Self {
            subject,
            to: deliverable(email),
            facts: Facts {
                email: email.as_str().to_owned(),
                ..facts
            },
        }
    }

    /// To the owner of an account.
    pub fn to_user(subject: Subject, user: &User, facts: Facts) -> Self {
        let first_name = user.first_name.as_str().to_owned();
        Self::to(
            subject,
            &user.email,
            Facts {
                first_name,
                ..facts
            },
        )
    }
}

/// The local part as typed, and the domain in ASCII.
fn deliverable(email: &Email) -> String {
    let local = email.as_str().split_once('@').map(|(local, _)| local);
    let domain = email.key().split_once('@').map(|(_, domain)| domain);
    format!(
        "{}@{}",
        local.unwrap_or_default(),
        domain.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_goes_to_the_domain_that_mail_servers_know() {
        let email = "Ada.L@BÜCHER.example".parse().expect("is an address");
        let letter = Letter::to(Subject::AddressInUse, &email, Facts::default());
        assert_eq!(letter.to, "Ada.L@xn--bcher-kva.example");
        assert_eq!(letter.facts.email, "Ada.L@BÜCHER.example");
    }

    #[test]
    fn a_subject_is_written_as_it_is_called() {
        for subject in Subject::ALL {
            let written = serde_json::to_value(subject).expect("serialises");
            assert_eq!(written, subject.name());
        }
    }
}

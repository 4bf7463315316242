//! Codes that let somebody do one thing with an account, once: what for.

/// What a code is for; one purpose's code does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Another password for an account that has one.
    PasswordReset,
    /// The first password of an account that somebody else has made.
    Invitation,
    /// The account's address is its owner's.
    EmailConfirmation,
    /// Another address for an account.
    EmailChange,
    /// A new account.
    Registration,
}

impl Purpose {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::PasswordReset,
        Self::Invitation,
        Self::EmailConfirmation,
        Self::EmailChange,
        Self::Registration,
    ];

    /// What it goes by.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::Invitation => "invitation",
            Self::EmailConfirmation => "email_confirmation",
            Self::EmailChange => "email_change",
            Self::Registration => "registration",
        }
    }
}

//! Why a request has no user, and why a service does not start.

use crate::mirror::MirrorError;
use crate::settings::SettingsError;

/// Why a request has no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The token is not good: answer 401, and tell nobody why.
    #[error("the token is not good: {0}")]
    InvalidToken(Reason),
    /// Nobody can say whether it is good: answer 503. It is not let through, and not called bad either.
    #[error("nobody can say whether the token is good: {0}")]
    Unavailable(Trouble),
}

/// What is wrong with a token; for the log, not for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Too long, or of letters that no token has.
    #[error("it has not the form of a token")]
    Malformed,
    /// Offline: an API token, of which authd alone knows something.
    #[error("it is not signed, and nobody is asked")]
    NotSigned,
    /// Signed for another use.
    #[error("it is no access token")]
    NotAccess,
    /// Its key is none of authd's.
    #[error("authd has no such key")]
    UnknownKey,
    /// The signature or a claim is wrong, or its time is over.
    #[error("its signature, its claims or its time are not good")]
    NotValid,
    /// authd says so.
    #[error("authd refuses it")]
    Refused,
}

/// Why authd's word is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The connection could not be made, or broke.
    #[error("it could not be asked")]
    Connection,
    /// Not within the time-out.
    #[error("it did not answer in time")]
    Late,
    /// Nobody is made to wait again so soon.
    #[error("it did not answer a moment ago")]
    Paused,
    /// An answer of this status, which is none of authd's or tells of trouble of its own.
    #[error("it answered {0}")]
    Status(u16),
    /// A redirect, which is not followed.
    #[error("it answered {0}, which leads elsewhere")]
    Elsewhere(u16),
    /// An answer longer than this number of bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
    /// An answer that authd does not give.
    #[error("the answer is not authd's: {0}")]
    NotOurs(&'static str),
    /// A good answer about a token of another issuer than `Settings::issuer` names.
    #[error("its tokens are of another issuer")]
    OtherIssuer,
    /// The same for the audience.
    #[error("its tokens are for another audience")]
    OtherAudience,
    /// The keys are older than authd allows, and there are no newer ones.
    #[error("the keys are too old, and there are no newer ones")]
    OldKeys,
}

/// Why a service may not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong by itself.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// authd has another issuer.
    #[error("the issuer of authd is {found}, and this service is set to {expected}")]
    WrongIssuer {
        /// What authd says.
        found: String,
        /// What the settings say.
        expected: String,
    },
    /// Tokens are for another audience.
    #[error("the tokens of users are not for the audience {0}, or this client may not ask for it")]
    WrongAudience(String),
    /// authd does not know the client.
    #[error("authd knows no client by this id and secret ({0})")]
    WrongClient(String),
    /// There are no public keys to check signatures with.
    #[error("authd publishes no keys (HS256?): take Settings::online")]
    NoKeys,
    /// The thread, the pool of connections or TLS could not be set up.
    #[error("the connector could not be set up: {0}")]
    SetUp(String),
}

/// Known, and not allowed.
pub(crate) const FORBIDDEN: &str = "forbidden";

fn what_it_lacks(code: &str) -> &'static str {
    if ["invalid_scope", FORBIDDEN].contains(&code) {
        "it needs the scope users.view"
    } else {
        "check its id and secret"
    }
}

/// Why the changes of users could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// There is no client in the settings: only clients are told of users.
    #[error("only clients are told of users: give Settings::client")]
    NoClient,
    /// authd does not tell this client, which may change: one that was disabled may be enabled again.
    #[error("authd does not tell this client of users ({0}): {lack}", lack = what_it_lacks(.0))]
    Refused(String),
    /// authd's word is missing. Trying again may help.
    #[error("the changes of users did not come: {0}")]
    Unavailable(Trouble),
    /// The rows could not be written. Trying again may help.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
}

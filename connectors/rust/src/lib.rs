#![doc = include_str!("../README.md")]

mod answers;
mod asking;
pub mod blocking;
mod clock;
#[cfg(feature = "tower")]
mod doors;
mod engine;
mod error;
mod feed;
mod following;
mod io;
mod keys;
mod mirror;
mod reading;
mod settings;
mod startup;
#[cfg(feature = "async")]
mod tasks;
mod token;
mod verdicts;

pub use answers::{Change, User, UserChange, UserPage, Verification};
#[cfg(feature = "tower")]
pub use doors::{AuthdLayer, AuthdService, Refusal};
#[cfg(feature = "axum")]
pub use doors::{Caller, SignedIn};
pub use error::{FollowError, Reason, StartError, Trouble, VerifyError};
#[cfg(feature = "sqlx-postgres")]
pub use mirror::PostgresMirror;
#[cfg(feature = "rusqlite")]
pub use mirror::SqliteMirror;
#[cfg(any(feature = "rusqlite", feature = "sqlx-postgres"))]
pub use mirror::Table;
pub use mirror::{MirrorError, NoRow, Outcome, Row, UserMirror};
pub use settings::{Mode, Settings, SettingsError, WhenDown};
#[cfg(feature = "async")]
pub use tasks::{Follower, Verifier};
pub use token::bearer;

#[cfg(not(any(feature = "blocking", feature = "async")))]
compile_error!(
    "authd-client asks authd in one of two ways: take the feature `blocking` or `async`"
);

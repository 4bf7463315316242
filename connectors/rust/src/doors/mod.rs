//! Where requests come in.

#[cfg(feature = "axum")]
mod axum;
mod refusal;
mod tower;

#[cfg(feature = "axum")]
pub use self::axum::{Caller, SignedIn};
pub use self::refusal::Refusal;
pub use self::tower::{AuthdLayer, AuthdService};

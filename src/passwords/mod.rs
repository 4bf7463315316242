//! Passwords: what makes a good one, and how it is kept.
//!
//! [`Hasher`] is the bounded pool the daemon uses; [`argon`] alone is enough for one password.

pub mod argon;
mod django;
mod phc;
pub mod policy;
mod pool;

pub use argon::{HashError, HashParams};
pub use django::{Ballast, ForeignError};
pub use phc::{Legacy, PhcError, PhcString};
pub use policy::{Policy, PolicyError};
pub use pool::{Hasher, PoolError, PoolSize, Turn, is_right};

//! `/oauth/...`: for other services, by the standards (RFC 6749 and those that build on it).
//!
//! Bodies are forms, errors are those of RFC 6749, section 5.2.

pub(in crate::http) mod client_auth;
pub(in crate::http) mod error;
mod form;
pub(in crate::http) mod introspect;
pub(in crate::http) mod metadata;
pub(in crate::http) mod revoke;
pub(in crate::http) mod token;

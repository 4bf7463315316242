//! `/oauth/...`: for other services, by the standards (RFC 6749 and those that build on it).
//!
//! Bodies are forms, errors are those of RFC 6749, section 5.2.

mod client_auth;
mod error;
mod form;

pub(in crate::http) use client_auth::caller;
pub(in crate::http) use error::OauthError;
pub(in crate::http) use form::Form;

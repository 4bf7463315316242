//! Words and rules of the trade: no I/O, no clock of its own.

pub mod account_code;
pub mod actor;
pub mod api_token;
pub mod audience;
pub mod audit;
pub mod authority;
pub mod claim;
pub mod client;
pub mod email;
pub mod external_id;
pub mod field;
pub mod group;
pub mod id;
pub mod idempotency;
pub mod label;
pub mod name;
pub mod password;
pub mod permission;
pub mod phone;
pub mod scope;
pub mod secret;
pub mod session;
pub mod sources;
pub mod user;
pub mod values;
pub mod webhook;

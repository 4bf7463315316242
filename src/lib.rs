//! The authentication service behind `authd` and `authctl`: who is logging in, and is this bearer
//! token good.
//!
//! Each module may use those below it, never those above or beside it (ARCHITECTURE.md).

pub mod cli;
pub mod config;
pub mod courier;
pub mod domain;
pub mod graphql;
pub mod grpc;
pub mod http;
pub mod mail;
pub mod passwords;
pub mod service;
pub mod sockets;
pub mod store;
pub mod tokens;

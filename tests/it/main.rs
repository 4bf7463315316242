//! The service as its users meet it: through both programs, over real sockets, on real files.
//!
//! One file a capability; `env` is the harness that speaks the users' language.

mod env;
mod first_steps;
mod gate;
mod raw;
mod stop;
mod wire;

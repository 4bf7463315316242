//! The service as its users meet it: through both programs, over real sockets, on real files.
//!
//! One file a capability; `env` is the harness that speaks the users' language.

mod architecture;
mod bearer;
mod configuration;
mod createsuperuser;
mod daemon;
mod db_copy;
mod db_copy_refused;
mod documentation;
mod durability;
mod env;
mod exit_status;
mod failover;
mod first_steps;
mod forger;
mod full_disk;
mod gate;
mod generated;
mod hostile;
mod http;
mod load;
mod login_security;
mod logs;
mod migrations;
mod nodes;
mod offline;
mod openapi;
mod passwords;
mod places;
mod postgres;
mod raw;
mod replica;
mod scene;
mod schema;
mod secret_key;
mod sessions;
mod stop;
mod storage;
mod terminal;
mod token_form;
mod token_keys;
mod tokens;
mod users;
mod vectors;
mod wire;

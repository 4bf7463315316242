//! The connector against a live authd of this source, and against servers that are none.

mod addresses;
mod authd;
mod doors;
mod following;
mod hostile;
mod local;
mod log;
mod modes;
mod refusals;
mod rows;
mod stand_in;
mod startup;
mod verifiers;

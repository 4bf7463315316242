//! The messages and services of `proto/`, generated from it (`make docs`).
#![expect(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "the generator's"
)]

include!("../../proto/generated/mod.rs");

/// The files of `proto/` for those who ask by reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("../../proto/generated/descriptors.bin");

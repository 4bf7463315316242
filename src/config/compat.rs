//! Clients that were written for something else.

use super::error::ConfigError;
use super::layers::Layers;
use crate::domain::claim::UserClaim;

/// Whose clients find here what they had.
#[derive(Clone, Copy, Debug)]
pub struct CompatConfig {
    /// Those of Django's simplejwt and djoser.
    pub django: bool,
    /// Those that send `Authorization: JWT ...`.
    pub jwt_prefix: bool,
}

impl CompatConfig {
    pub(super) fn from_layers(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Self {
            django: layers.parsed("compat.django")?,
            jwt_prefix: layers.parsed("compat.jwt_prefix")?,
        })
    }

    /// What they want to read in access tokens.
    pub(super) fn claims(self) -> &'static [UserClaim] {
        if self.django {
            &UserClaim::OF_DJANGO
        } else {
            &[]
        }
    }
}

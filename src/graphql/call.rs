//! One field at the top of a request: who asks, and what for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::caller::Caller;
use super::refusal::{Code, Refusal};
use crate::service::Services;

/// What a field at the top is asked.
pub(super) struct Call<'c> {
    pub(super) caller: &'c Caller,
    /// The field, as the schema calls it.
    pub(super) name: &'c str,
    /// An object.
    pub(super) arguments: Value,
}

/// Answers a field at the top.
pub(super) type Resolver = fn(&Call<'_>) -> Result<Value, Refusal>;

impl Call<'_> {
    pub(super) fn services(&self) -> &Services {
        &self.caller.services
    }

    /// The arguments. What the schema allows and this shape does not is a null for something that cannot
    /// be null.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        T::deserialize(&self.arguments)
            .map_err(|error| Refusal::new(Code::InvalidRequest, format!("The arguments: {error}.")))
    }
}

/// A value as its type in the schema has it.
pub(super) fn shown(value: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::internal(&error))
}

/// A value, or null where that is one, too.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Nullable<T>(pub(super) Option<T>);

/// A member that is there: null is a value of it, and absence is not.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

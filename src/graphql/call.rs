//! One field at the top of a request: who asks, and what for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::caller::Caller;
use super::refusal::{Code, Refusal};
use crate::domain::secret::Secret;
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
    serde_json::to_value(value).map_err(Refusal::internal)
}

/// A text that is never printed.
pub(super) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// The same where it may be null.
pub(super) fn maybe_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(Secret::<String>::new))
}

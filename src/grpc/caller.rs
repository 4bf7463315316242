//! Which client calls: what it shows of itself in the metadata.

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::status::Failure;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::service::{Services, clients};
use crate::tokens::authorization;

/// What a client shows of itself.
#[derive(Clone)]
pub(super) enum Shown {
    /// Its id and its secret.
    Secret(String, Secret<String>),
    /// A token of its own.
    Bearer(Secret<String>),
}

/// There are two values, or one that is no text.
pub(super) struct Malformed;

/// The one value of `authorization`, if there is any.
pub(super) fn credentials(metadata: &MetadataMap) -> Result<Option<&str>, Malformed> {
    let mut values = metadata.get_all("authorization").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Malformed),
        (Some(_), Some(_)) => Err(Malformed),
    }
}

/// What the caller shows, if that is one thing.
pub(super) fn shown(metadata: &MetadataMap) -> Result<Shown, Status> {
    let malformed =
        || Status::invalid_argument("The metadata 'authorization' is malformed, or there twice.");
    let value = credentials(metadata).map_err(|_| malformed())?;
    let value = value.ok_or_else(nobody)?;
    if let Some(token) = authorization::bearer(value).map_err(|_| malformed())? {
        return Ok(Shown::Bearer(Secret::new(token.to_owned())));
    }
    let basic = authorization::basic(value).map_err(|_| malformed())?;
    let (id, secret) = basic.ok_or_else(nobody)?;
    Ok(Shown::Secret(id, secret))
}

/// The client that shows this.
pub(super) fn client(services: &Services, shown: &Shown) -> Result<Client, Failure> {
    let found = match shown {
        Shown::Secret(id, secret) => clients::recognise(services, id, secret.expose())?,
        Shown::Bearer(token) => clients::of_token(services, token.expose())?,
    };
    found.ok_or_else(|| nobody().into())
}

fn nobody() -> Status {
    Status::unauthenticated(
        "No client, or not a good secret or token of it: send 'authorization: Basic ...'.",
    )
}

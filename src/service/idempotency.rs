//! Requests that create something and may come again, because their answer got lost: carried out once, and
//! answered the same each time.

use jiff::Timestamp;

use super::Services;
use crate::domain::authority::Authority;
use crate::domain::idempotency::IdempotencyKey;
use crate::store::StoreError;
use crate::store::idempotency::{self, RequestName};
use crate::tokens::CheckedTokens;

pub use crate::store::idempotency::Answer;

/// Where a request stands.
#[derive(Debug)]
pub enum Standing {
    /// It is the first of its name: carry it out.
    First(Begun),
    /// It was carried out, and this is what was answered.
    Answered(Answer),
}

/// A request that is being carried out.
#[derive(Debug)]
pub struct Begun {
    name: RequestName,
    at: Timestamp,
}

/// Why a request is not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdempotencyError {
    /// The same request is under way.
    #[error("the request with this Idempotency-Key is under way: ask again later")]
    UnderWay,
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    Other,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins a request, unless it came before. `request` is all that tells it from others: passwords may be
/// among it, so what is kept of it is a hash under the service's secret.
pub fn begin(
    services: &Services,
    by: &Authority,
    key: &IdempotencyKey,
    request: &[u8],
) -> Result<Standing, IdempotencyError> {
    let name = RequestName {
        caller: caller(by),
        key_hash: CheckedTokens::fingerprint(key.as_str()),
    };
    let fingerprint = services.cursors().fingerprint("idempotency", request);
    let clock = services.sources.clock.clone();
    let (mine, of_name) = (fingerprint, name.clone());
    let (at, earlier) = services.store.write(move |tx| {
        let now = clock.now();
        Ok((now, idempotency::begin(tx, &of_name, &mine, now)?))
    })?;
    match earlier {
        None => Ok(Standing::First(Begun { name, at })),
        Some(earlier) if earlier.fingerprint != fingerprint => Err(IdempotencyError::Other),
        Some(earlier) => earlier
            .answer
            .map(Standing::Answered)
            .ok_or(IdempotencyError::UnderWay),
    }
}

impl Begun {
    /// Keeps what was answered.
    pub fn keep(self, services: &Services, answer: Answer) -> Result<(), StoreError> {
        services
            .store
            .write(move |tx| idempotency::keep(tx, &self.name, self.at, &answer))
    }

    /// It was refused and has changed nothing: it may come again.
    pub fn forget(self, services: &Services) -> Result<(), StoreError> {
        services
            .store
            .write(move |tx| idempotency::forget(tx, &self.name, self.at))
    }
}

/// Nobody sees what was answered to somebody else.
fn caller(by: &Authority) -> String {
    match by {
        Authority::User(bearer) => format!("user:{}", bearer.user.id),
        Authority::Client(id, _) => format!("client:{}", id.as_str()),
        Authority::Operator(name) => format!("operator:{name}"),
    }
}

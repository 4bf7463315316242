//! Following the chain of hashes.

use super::{AFTER_HASHED, FORM, Hash, hashed_columns, link};
use crate::store::engine::{Conn, Kind, Row, Value};
use crate::store::error::StoreError;

/// How far the chain was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The event's number; 0: none yet.
    pub number: i64,
    /// The event's hash.
    pub hash: Hash,
}

impl Place {
    /// Before the first event.
    pub const BEGINNING: Self = Self {
        number: 0,
        hash: [0; 32],
    };
}

/// What was found on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How far every event fits.
    pub to: Place,
    /// Whether there was nothing more.
    pub is_end: bool,
    /// The first number whose event is not there, or is not as it was written.
    pub broken: Option<i64>,
    /// Whether an event with the hash that was looked for was among them.
    pub met: bool,
}

/// What kinds of values the hashed columns hold.
const KINDS: [Kind; AFTER_HASHED] = {
    let mut kinds = [Kind::Text; AFTER_HASHED];
    // Number, form and time.
    kinds[0] = Kind::Integer;
    kinds[1] = Kind::Integer;
    kinds[3] = Kind::Integer;
    kinds
};

/// Follows the chain from a place over `limit` events at most, each read when it is its turn, and
/// looks for one with the hash `wanted`.
pub fn follow(
    connection: &Conn,
    from: Place,
    limit: u32,
    wanted: Option<&Hash>,
) -> Result<Step, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        hashed_columns!(),
        ", hash FROM audit_events WHERE number > ?1 ORDER BY number LIMIT ?2"
    );
    let mut step = Step {
        to: from,
        is_end: true,
        broken: None,
        met: false,
    };
    let values = [from.number.into(), i64::from(limit).into()];
    connection.each(SQL, &values, |row| {
        if step.broken.is_some() {
            return Ok(());
        }
        match next(&step.to, row)? {
            Some(place) => {
                step.met |= wanted == Some(&place.hash);
                step.to = place;
            }
            None => step.broken = Some(step.to.number + 1),
        }
        Ok(())
    })?;
    step.is_end = step.to.number - from.number < i64::from(limit);
    Ok(step)
}

/// The next place, if this row is the next event and as it was written.
fn next(before: &Place, row: &Row<'_>) -> Result<Option<Place>, StoreError> {
    let mut columns = [Value::Null; AFTER_HASHED];
    for (at, kind) in KINDS.iter().enumerate() {
        columns[at] = row.value(at, *kind)?;
    }
    let is_next = matches!(
        columns,
        [Value::Integer(number), Value::Integer(FORM), ..] if number == before.number + 1
    );
    let hash = link(&before.hash, &columns);
    let stored = row.value(AFTER_HASHED, Kind::Bytes)?;
    let fits = is_next && matches!(stored, Value::Bytes(stored) if stored == hash);
    Ok(fits.then_some(Place {
        number: before.number + 1,
        hash,
    }))
}

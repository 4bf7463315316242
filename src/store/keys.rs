//! The table `signing_keys`.

use super::engine::{Conn, Row, Tx};
use super::error::StoreError;

/// Where a key stands in its life (ADR 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, does not sign yet.
    Next,
    /// Signs and verifies.
    Active,
    /// Signs and verifies no longer.
    Retired,
    /// As retired, because it may have leaked.
    Revoked,
}

impl KeyState {
    const ALL: [Self; 4] = [Self::Next, Self::Active, Self::Retired, Self::Revoked];

    fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The state a column names.
    pub(super) fn from_column(name: &str) -> Result<Self, StoreError> {
        let damaged = StoreError::DamagedRow {
            table: "signing_keys",
            column: "state",
        };
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(damaged)
    }

    /// Whether tokens of such a key are good.
    pub fn verifies(self) -> bool {
        matches!(self, Self::Next | Self::Active)
    }
}

/// A key as stored.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// JWS name.
    pub algorithm: String,
    /// Public JWK as JSON.
    pub public_jwk: String,
    /// The private key, sealed for the label `kid`.
    pub sealed_private: Vec<u8>,
    /// Where it stands in its life.
    pub state: KeyState,
}

/// Adds a key, unless its algorithm has an active one already; says whether it did.
pub fn insert_first(tx: &Tx<'_>, key: &KeyRow, now: jiff::Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, state, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO NOTHING";
    let values = [
        (&key.kid).into(),
        (&key.algorithm).into(),
        (&key.public_jwk).into(),
        key.sealed_private.as_slice().into(),
        key.state.name().into(),
        now.as_second().into(),
    ];
    Ok(tx.execute(SQL, &values)? == 1)
}

/// Whether there is a key of that id that verifies.
pub fn verifies(connection: &Conn, kid: &str) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (
            SELECT 1 FROM signing_keys WHERE kid = ?1 AND state IN ('next', 'active'))";
    connection.query_value(SQL, &[kid.into()])
}

/// The id of the key that signs with this algorithm, if there is one.
pub fn active_kid(connection: &Conn, algorithm: &str) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT kid FROM signing_keys WHERE state = 'active' AND algorithm = ?1";
    connection.query_row(SQL, &[algorithm.into()], |row| row.get(0))
}

/// Every key, oldest first.
pub fn all(connection: &Conn) -> Result<Vec<KeyRow>, StoreError> {
    const SQL: &str = "
        SELECT kid, algorithm, public_jwk, sealed_private, state
        FROM signing_keys ORDER BY created_at, kid";
    connection.query(SQL, &[], key)
}

fn key(row: &Row<'_>) -> Result<KeyRow, StoreError> {
    Ok(KeyRow {
        kid: row.get(0)?,
        algorithm: row.get(1)?,
        public_jwk: row.get(2)?,
        sealed_private: row.get(3)?,
        state: KeyState::from_column(row.text(4)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WriteMode;
    use crate::store::tests::new_store;

    #[test]
    fn of_two_first_keys_only_one_becomes_active() {
        let (_folder, store) = new_store(WriteMode::Direct);
        let add = |kid: &str| {
            let row = KeyRow {
                kid: kid.into(),
                algorithm: "EdDSA".into(),
                public_jwk: "{}".into(),
                sealed_private: vec![1],
                state: KeyState::Active,
            };
            store.write(move |tx| insert_first(tx, &row, jiff::Timestamp::UNIX_EPOCH))
        };
        assert!(add("one").expect("writes"));
        assert!(!add("two").expect("writes"));
        let kids: Vec<_> = store
            .read(all)
            .expect("reads")
            .into_iter()
            .map(|key| key.kid)
            .collect();
        assert_eq!(kids, ["one"]);
    }
}

//! The table `signing_keys`.

use super::engine::{Conn, OptionalExtension, Row, Tx, named_params};
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
        VALUES (:kid, :algorithm, :public_jwk, :sealed_private, :state, :created_at)
        ON CONFLICT DO NOTHING";
    let inserted = tx.prepare_cached(SQL)?.execute(named_params! {
        ":kid": key.kid,
        ":algorithm": key.algorithm,
        ":public_jwk": key.public_jwk,
        ":sealed_private": key.sealed_private,
        ":state": key.state.name(),
        ":created_at": now.as_second(),
    })?;
    Ok(inserted == 1)
}

/// Whether there is a key of that id that verifies.
pub fn verifies(connection: &Conn, kid: &str) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (
            SELECT 1 FROM signing_keys WHERE kid = ?1 AND state IN ('next', 'active'))";
    Ok(connection
        .prepare_cached(SQL)?
        .query_row([kid], |row| row.get(0))?)
}

/// The id of the key that signs with this algorithm, if there is one.
pub fn active_kid(connection: &Conn, algorithm: &str) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT kid FROM signing_keys WHERE state = 'active' AND algorithm = ?1";
    Ok(connection
        .prepare_cached(SQL)?
        .query_row([algorithm], |row| row.get(0))
        .optional()?)
}

/// Every key, oldest first.
pub fn all(connection: &Conn) -> Result<Vec<KeyRow>, StoreError> {
    const SQL: &str = "
        SELECT kid, algorithm, public_jwk, sealed_private, state
        FROM signing_keys ORDER BY created_at, kid";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key(row)?);
    }
    Ok(keys)
}

fn key(row: &Row<'_>) -> Result<KeyRow, StoreError> {
    Ok(KeyRow {
        kid: row.get("kid")?,
        algorithm: row.get("algorithm")?,
        public_jwk: row.get("public_jwk")?,
        sealed_private: row.get("sealed_private")?,
        state: KeyState::from_column(row.get_ref("state")?.as_str().unwrap_or_default())?,
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

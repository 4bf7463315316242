//! The table `signing_keys`.

use jiff::Timestamp;

use super::changes::{self, Kind};
use super::engine::{Conn, Row, Tx};
use super::error::StoreError;

/// SQL: until which Unix second tokens of the key with this id are good, without end if no such is
/// known yet; null: they are not.
macro_rules! key_verifies_until {
    ($kid:literal) => {
        concat!(
            "(SELECT CASE state WHEN 'revoked' THEN NULL WHEN 'retired' THEN verifies_until
                ELSE 9223372036854775807 END FROM signing_keys WHERE kid = ",
            $kid,
            ")"
        )
    };
}
pub(super) use key_verifies_until;

/// Where a key stands in its life (ADR 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published and verifies; signs from its time on.
    Next,
    /// Signs and verifies. There is one.
    Active,
    /// Signs no longer; verifies until its time is over.
    Retired,
    /// Neither, because it may have leaked.
    Revoked,
}

impl KeyState {
    const ALL: [Self; 4] = [Self::Next, Self::Active, Self::Retired, Self::Revoked];

    /// As in the table, and everywhere else.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
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
    /// When it was made, in Unix seconds.
    pub created_at: i64,
    /// When it begins to sign, or began, in Unix seconds.
    pub signs_from: Option<i64>,
    /// Of a retired key: until when it verifies, in Unix seconds.
    pub verifies_until: Option<i64>,
}

impl KeyRow {
    /// Whether tokens of the key are good at this moment.
    pub fn verifies(&self, now: Timestamp) -> bool {
        match self.state {
            KeyState::Next | KeyState::Active => true,
            KeyState::Retired => self.verifies_until.is_some_and(|end| end > now.as_second()),
            KeyState::Revoked => false,
        }
    }
}

/// Adds a key, unless one is active, or waits, already where this one would; says whether it did.
pub fn insert(tx: &Tx<'_>, key: &KeyRow) -> Result<bool, StoreError> {
    const SQL: &str = "
        INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, state, created_at,
            signs_from, verifies_until)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO NOTHING";
    let values = [
        (&key.kid).into(),
        (&key.algorithm).into(),
        (&key.public_jwk).into(),
        key.sealed_private.as_slice().into(),
        key.state.name().into(),
        key.created_at.into(),
        key.signs_from.into(),
        key.verifies_until.into(),
    ];
    Ok(tx.execute(SQL, &values)? == 1)
}

/// Puts a key that waits in the place of the active one, which verifies until that moment (Unix
/// seconds); says whether it did. Whoever comes second changes nothing.
pub fn promote(
    tx: &Tx<'_>,
    kid: &str,
    verifies_until: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const RETIRE: &str = "
        UPDATE signing_keys SET state = 'retired', verifies_until = ?2
        WHERE state = 'active'
            AND EXISTS (SELECT 1 FROM signing_keys WHERE kid = ?1 AND state = 'next')";
    const PROMOTE: &str = "
        UPDATE signing_keys SET state = 'active', signs_from = ?2
        WHERE kid = ?1 AND state = 'next'";
    tx.execute(RETIRE, &[kid.into(), verifies_until.into()])?;
    let promoted = tx.execute(PROMOTE, &[kid.into(), now.as_second().into()])?;
    Ok(promoted == 1)
}

/// Ends a key that does not sign, or any (`KeyState::Revoked`), and tells whoever follows.
pub fn end(tx: &Tx<'_>, kid: &str, state: KeyState, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE signing_keys SET state = ?2, verifies_until = ?3 WHERE kid = ?1";
    let values = [kid.into(), state.name().into(), now.as_second().into()];
    tx.execute(SQL, &values)?;
    changes::record(tx, Kind::Key, kid, now)
}

/// Seals a key's private half anew.
pub fn reseal(tx: &Tx<'_>, kid: &str, sealed_private: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE signing_keys SET sealed_private = ?2 WHERE kid = ?1";
    tx.execute(SQL, &[kid.into(), sealed_private.into()])
        .map(drop)
}

/// Lets whoever else makes or seals keys wait for the end of this transaction.
pub fn lock(tx: &Tx<'_>) -> Result<(), StoreError> {
    changes::next_version(tx).map(drop)
}

/// Whether there is a key of that id that verifies at this moment.
pub fn verifies(connection: &Conn, kid: &str, now: Timestamp) -> Result<bool, StoreError> {
    const SQL: &str = concat!("SELECT ", key_verifies_until!("?1"));
    let until: Option<i64> = connection.query_value(SQL, &[kid.into()])?;
    Ok(until.is_some_and(|until| until > now.as_second()))
}

/// The id of the key that signs, if there is one.
pub fn active_kid(connection: &Conn) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT kid FROM signing_keys WHERE state = 'active'";
    connection.query_row(SQL, &[], |row| row.get(0))
}

/// Every key, oldest first.
pub fn all(connection: &Conn) -> Result<Vec<KeyRow>, StoreError> {
    const SQL: &str = "
        SELECT kid, algorithm, public_jwk, sealed_private, state, created_at, signs_from,
            verifies_until
        FROM signing_keys ORDER BY created_at, signs_from, kid";
    connection.query(SQL, &[], key)
}

fn key(row: &Row<'_>) -> Result<KeyRow, StoreError> {
    let name = row.text(4)?;
    let state = KeyState::ALL.into_iter().find(|state| state.name() == name);
    Ok(KeyRow {
        kid: row.get(0)?,
        algorithm: row.get(1)?,
        public_jwk: row.get(2)?,
        sealed_private: row.get(3)?,
        state: state.ok_or(StoreError::DamagedRow {
            table: "signing_keys",
            column: "state",
        })?,
        created_at: row.get(5)?,
        signs_from: row.get(6)?,
        verifies_until: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WriteMode;
    use crate::store::tests::new_store;

    fn row(kid: &str, state: KeyState) -> KeyRow {
        KeyRow {
            kid: kid.into(),
            algorithm: "EdDSA".into(),
            public_jwk: "{}".into(),
            sealed_private: vec![1],
            state,
            created_at: 0,
            signs_from: None,
            verifies_until: None,
        }
    }

    #[test]
    fn of_two_first_keys_only_one_becomes_active() {
        let (_folder, store) = new_store(WriteMode::Direct);
        let add = |kid: &str| {
            let row = row(kid, KeyState::Active);
            store.write(move |tx| insert(tx, &row))
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

    /// The row and the query say the same of every state, before its time and after.
    #[test]
    fn a_key_verifies_until_its_time_is_over() {
        let (_folder, store) = new_store(WriteMode::Direct);
        for state in KeyState::ALL {
            for until in [None, Some(100)] {
                if matches!(state, KeyState::Next | KeyState::Active) && until.is_some() {
                    continue;
                }
                let kid = format!("{}-{until:?}", state.name());
                let verifies_until = until;
                let key = KeyRow {
                    verifies_until,
                    ..row(&kid, state)
                };
                let added = key.clone();
                store.write(move |tx| insert(tx, &added)).expect("writes");
                for second in [99, 100] {
                    let now = Timestamp::from_second(second).expect("is a time");
                    let said = store.read(|connection| verifies(connection, &kid, now));
                    let said = said.expect("reads");
                    assert_eq!(said, key.verifies(now), "{kid} at {second}");
                    let lasts = match state {
                        KeyState::Next | KeyState::Active => true,
                        KeyState::Retired => until.is_some() && second < 100,
                        KeyState::Revoked => false,
                    };
                    assert_eq!(said, lasts, "{kid} at {second}");
                }
            }
        }
    }
}

//! The table `clients`.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Conn, Row};
use super::error::StoreError;
use super::keys::KeyState;
use crate::domain::client::{Client, ClientId};

/// What a verification needs to know of a client and a key, from one moment.
#[derive(Debug)]
pub struct Standing {
    /// The client.
    pub client: Client,
    /// The state of the key asked about; `None`: there is no such key.
    pub key_state: Option<KeyState>,
    /// Whether the token asked about was revoked by itself.
    pub is_revoked: bool,
}

/// The columns that [`client`] reads, in its order.
macro_rules! client_columns {
    () => {
        "id, name, scopes, audiences, is_active, created_at, version"
    };
}

/// How many columns `client_columns!` has.
const AFTER_CLIENT: usize = 7;

/// Client and key of a token (`jti`), in one query.
pub fn standing(
    connection: &Conn,
    id: &ClientId,
    kid: &str,
    jti: Uuid,
) -> Result<Option<Standing>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        client_columns!(),
        ", (SELECT state FROM signing_keys WHERE kid = ?2),
            EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?3)
        FROM clients WHERE id = ?1"
    );
    let jti = jti.to_string();
    let values = [id.as_str().into(), kid.into(), (&jti).into()];
    connection.query_row(SQL, &values, |row| {
        let key_state = row.maybe_text(AFTER_CLIENT)?;
        Ok(Standing {
            client: client(row)?,
            key_state: key_state.map(KeyState::from_column).transpose()?,
            is_revoked: row.get(AFTER_CLIENT + 1)?,
        })
    })
}

fn client(row: &Row<'_>) -> Result<Client, StoreError> {
    let created_at = Timestamp::from_second(row.get(5)?);
    Ok(Client {
        id: ClientId::from_stored(row.get(0)?),
        name: row.get(1)?,
        scopes: row.text(2)?.parse().map_err(|_| damaged("scopes"))?,
        audiences: row
            .text(3)?
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        is_active: row.get(4)?,
        created_at: created_at.map_err(|_| damaged("created_at"))?,
        version: row.get(6)?,
    })
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "clients",
        column,
    }
}

//! Which addresses were shown to be their accounts'.

use crate::domain::user::UserId;
use crate::store::engine::{Conn, Tx};
use crate::store::error::StoreError;

/// Notes that the account's address, as it is, is its owner's. Nobody sees that in its JSON, so it is
/// no change.
pub fn confirm(tx: &Tx<'_>, id: UserId) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE users SET confirmed_key = email_key WHERE id = ?1";
    tx.execute(SQL, &[id.to_string().as_str().into()]).map(drop)
}

/// Whether the account's address was shown to be its owner's.
pub fn is_confirmed(connection: &Conn, id: UserId) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND confirmed_key = email_key)";
    connection.query_value(SQL, &[id.to_string().as_str().into()])
}

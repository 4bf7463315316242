//! Hashes of passwords that take the place of one that was checked.

use super::{StoreError, Tx, UserId, next_version};

/// Puts the hash of another password in the place of the one that was checked; says whether that still
/// stood, and the account is active. Tokens stay good as long as their sessions do.
pub fn change_password(
    tx: &Tx<'_>,
    id: UserId,
    checked_hash: &str,
    hash: &str,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE users SET password_hash = ?3, version = ?4
        WHERE id = ?1 AND password_hash = ?2 AND is_active";
    let version = next_version(tx)?;
    let id = id.to_string();
    let values = [
        (&id).into(),
        checked_hash.into(),
        hash.into(),
        version.into(),
    ];
    Ok(tx.execute(SQL, &values)? > 0)
}

/// Puts a new hash of the same password in the place of the old one, if that still stands.
pub fn replace_hash(tx: &Tx<'_>, id: UserId, old: &str, new: &str) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";
    let id = id.to_string();
    let values = [(&id).into(), old.into(), new.into()];
    tx.execute(SQL, &values).map(drop)
}

//! Hashes of passwords: those that take the place of another, and those made elsewhere.

use jiff::Timestamp;

use super::{Conn, Secret, StoreError, Tx, User, UserId, next_version, user};

/// The first hash after this text, in the order of bytes, that begins with a letter: those that were not
/// made here. An index has these alone, so that it costs next to nothing where there are none.
pub fn foreign_hash_after(
    connection: &Conn,
    after: &str,
) -> Result<Option<Secret<String>>, StoreError> {
    const SQL: &str = "
        SELECT password_hash FROM users WHERE password_hash >= 'a' AND password_hash > ?1
        ORDER BY password_hash LIMIT 1";
    connection.query_row(SQL, &[after.into()], |row| row.get(0).map(Secret::new))
}

/// Sets a new password hash and ends every token issued so far.
pub fn set_password(
    tx: &Tx<'_>,
    id: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    put_hash(tx, id, Some(hash), now)
}

/// Leaves an account without a password, and ends every token issued so far.
pub fn remove_password(
    tx: &Tx<'_>,
    id: UserId,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    put_hash(tx, id, None, now)
}

fn put_hash(
    tx: &Tx<'_>,
    id: UserId,
    hash: Option<&str>,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!(
        "UPDATE users SET password_hash = ?2, version = ?4,
            tokens_valid_after = CASE WHEN tokens_valid_after > ?3 THEN tokens_valid_after ELSE ?3 END
        WHERE id = ?1
        RETURNING ",
        user_columns!()
    );
    let version = next_version(tx)?;
    let id = id.to_string();
    let values = [
        (&id).into(),
        hash.into(),
        now.as_millisecond().into(),
        version.into(),
    ];
    tx.query_row(SQL, &values, user)
}

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

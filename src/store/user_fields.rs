//! The table `user_fields`, and what follows from it for an account: its column `field_values`.
//!
//! Whatever changes the table writes that column in the same transaction, and a new version, so that
//! a verification reads one row of it and whoever follows the changes is told. What an account has no
//! value of is not in there: which fields there are is read from `fields` (`own_fields!`), so that a
//! field comes without a write to every account.

use std::collections::BTreeMap;

use serde_json::Value;

use super::changes;
use super::engine::{Conn, Row, Tx};
use super::error::StoreError;
use super::fields::written;
use crate::domain::field::{Field, FieldName, FieldUses, FieldValue};
use crate::domain::user::UserId;

/// SQL: which fields there are, a line for each: whether tokens carry it, whether accounts see it of
/// themselves, and its name.
macro_rules! own_fields {
    () => {
        "(SELECT string_agg(CASE WHEN in_token THEN 't' ELSE '-' END
            || CASE WHEN self_read THEN 'r' ELSE '-' END || name, '\n') FROM fields)"
    };
}
pub(super) use own_fields;

/// SQL: [`rederive`] for the accounts of this query (`?3`).
macro_rules! rederive {
    ($whose:literal) => {
        concat!(
            "UPDATE users SET version = ?1 + numbered.place,
                field_values = coalesce((
                    SELECT '{' || string_agg('\"' || field || '\":' || value, ',' ORDER BY field) || '}'
                    FROM user_fields WHERE user_id = users.id AND field <> ?2), '{}')
            FROM (
                SELECT user_id, row_number() OVER (ORDER BY user_id) AS place
                FROM (",
            $whose,
            ") AS affected) AS numbered
            WHERE users.id = numbered.user_id"
        )
    };
}

/// Whose column is written anew.
pub(super) enum Whose<'a> {
    /// An account's.
    User(UserId),
    /// Those of all who have a value of a field; as if it were gone already.
    Field(&'a FieldName, Still),
}

/// Whether a field is there, or about to be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Still {
    There,
    Leaving,
}

/// A value that an account has.
#[derive(Debug, PartialEq)]
pub struct Held {
    /// The account's address, as typed.
    pub email: String,
    /// What it has.
    pub value: Value,
}

/// Some accounts, and how many there are in all.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// The addresses of the first, in the order the accounts were made.
    pub first: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// Writes the column of these accounts anew, each under a version of its own, however many there
/// are, in one statement.
pub(super) fn rederive(tx: &Tx<'_>, whose: &Whose<'_>) -> Result<(), StoreError> {
    const OF_USER: &str = rederive!("SELECT id AS user_id FROM users WHERE id = ?3");
    const OF_FIELD: &str = rederive!("SELECT user_id FROM user_fields WHERE field = ?3");
    let (sql, key, still) = match whose {
        Whose::User(id) => (OF_USER, id.to_string(), Still::There),
        Whose::Field(name, still) => (OF_FIELD, name.to_string(), *still),
    };
    let leaving = if still == Still::Leaving {
        key.as_str()
    } else {
        ""
    };
    let latest = changes::extent(tx)?.latest;
    let values = [latest.into(), leaving.into(), (&key).into()];
    let written = tx.execute(sql, &values)?;
    changes::skip(tx, written)
}

/// Gives an account these values, or takes what it has where there is `None`, all at once.
pub fn set(
    tx: &Tx<'_>,
    user: UserId,
    values: &[(&Field, Option<FieldValue>)],
) -> Result<(), StoreError> {
    const SET: &str = "
        INSERT INTO user_fields (user_id, field, value, lookup, is_unique, is_indexed)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (user_id, field) DO UPDATE SET value = excluded.value, lookup = excluded.lookup,
            is_unique = excluded.is_unique, is_indexed = excluded.is_indexed";
    const UNSET: &str = "DELETE FROM user_fields WHERE user_id = ?1 AND field = ?2";
    let id = user.to_string();
    for (field, value) in values {
        let name = field.name.as_str();
        let Some(value) = value else {
            tx.execute(UNSET, &[(&id).into(), name.into()])?;
            continue;
        };
        let text = written(value);
        let values = [
            (&id).into(),
            name.into(),
            (&text).into(),
            value.lookup.as_ref().into(),
            field.definition.unique.into(),
            field.definition.indexed.into(),
        ];
        tx.execute(SET, &values)?;
    }
    rederive(tx, &Whose::User(user))
}

/// Whether an account other than this one has this value of a unique field.
pub fn is_taken(
    connection: &Conn,
    field: &FieldName,
    lookup: &str,
    but: Option<UserId>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT EXISTS (SELECT 1 FROM user_fields
            WHERE field = ?1 AND lookup = ?2 AND is_unique AND user_id <> ?3)";
    let but = but.map(|id| id.to_string()).unwrap_or_default();
    connection.query_value(SQL, &[field.as_str().into(), lookup.into(), (&but).into()])
}

/// Gives this value to every account that has none.
pub fn fill(tx: &Tx<'_>, field: &Field, value: &FieldValue) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO user_fields (user_id, field, value, lookup, is_unique, is_indexed)
        SELECT id, ?1, ?2, ?3, ?4, ?5 FROM users
        WHERE NOT EXISTS (SELECT 1 FROM user_fields WHERE user_id = users.id AND field = ?1)";
    let text = written(value);
    let values = [
        field.name.as_str().into(),
        (&text).into(),
        value.lookup.as_ref().into(),
        field.definition.unique.into(),
        field.definition.indexed.into(),
    ];
    if tx.execute(SQL, &values)? > 0 {
        rederive(tx, &Whose::Field(&field.name, Still::There))?;
    }
    Ok(())
}

/// Lets the values of a field be unique and looked for as the field is now.
pub fn mark(tx: &Tx<'_>, field: &Field) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE user_fields SET is_unique = ?2, is_indexed = ?3
        WHERE field = ?1 AND (is_unique <> ?2 OR is_indexed <> ?3)";
    let values = [
        field.name.as_str().into(),
        field.definition.unique.into(),
        field.definition.indexed.into(),
    ];
    tx.execute(SQL, &values).map(drop)
}

/// Every value of a field, in the order the accounts were made.
pub fn each(
    connection: &Conn,
    field: &FieldName,
    mut read: impl FnMut(Held) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        SELECT email, value FROM user_fields JOIN users ON users.id = user_id
        WHERE field = ?1 ORDER BY user_id";
    connection.each(SQL, &[field.as_str().into()], |row| {
        let value = serde_json::from_str(row.text(1)?);
        read(Held {
            email: row.get(0)?,
            value: value.map_err(|_| damaged("value"))?,
        })
    })
}

/// The accounts without a value of a field.
pub fn lacking(connection: &Conn, field: &FieldName, limit: u32) -> Result<Accounts, StoreError> {
    const FIRST: &str = "
        SELECT email FROM users
        WHERE NOT EXISTS (SELECT 1 FROM user_fields WHERE user_id = users.id AND field = ?1)
        ORDER BY id LIMIT ?2";
    const COUNT: &str = "
        SELECT (SELECT count(*) FROM users)
            - (SELECT count(*) FROM user_fields WHERE field = ?1)";
    some(connection, FIRST, COUNT, field, limit)
}

/// The accounts that share a value of a field with another.
pub fn sharing(connection: &Conn, field: &FieldName, limit: u32) -> Result<Accounts, StoreError> {
    const FIRST: &str = "
        SELECT email FROM (
            SELECT user_id, count(*) OVER (PARTITION BY lookup) AS holders
            FROM user_fields WHERE field = ?1) AS held
        JOIN users ON users.id = user_id WHERE holders > 1 ORDER BY user_id LIMIT ?2";
    const COUNT: &str = "
        SELECT coalesce(CAST(sum(holders) AS BIGINT), 0) FROM (
            SELECT count(*) AS holders FROM user_fields WHERE field = ?1
            GROUP BY lookup HAVING count(*) > 1) AS shared";
    some(connection, FIRST, COUNT, field, limit)
}

fn some(
    connection: &Conn,
    first: &'static str,
    count: &'static str,
    field: &FieldName,
    limit: u32,
) -> Result<Accounts, StoreError> {
    let name = field.as_str().into();
    let count: i64 = connection.query_value(count, &[name])?;
    if count == 0 {
        return Ok(Accounts::default());
    }
    let limit = i64::from(limit).into();
    Ok(Accounts {
        first: connection.query(first, &[name, limit], |row| row.get(0))?,
        count: count.unsigned_abs(),
    })
}

/// What a row of `users` says of the fields that there are: the column `field_values` and, right
/// after it, `own_fields!`.
pub(super) fn of_user(
    row: &Row<'_>,
    at: usize,
) -> Result<(BTreeMap<String, Value>, FieldUses), StoreError> {
    let mut uses = FieldUses::default();
    let Some(names) = row.maybe_text(at + 1)? else {
        return Ok((BTreeMap::new(), uses));
    };
    let mut values: BTreeMap<String, Value> = match row.text(at)? {
        "{}" => BTreeMap::new(),
        text => serde_json::from_str(text).map_err(|_| StoreError::DamagedRow {
            table: "users",
            column: "field_values",
        })?,
    };
    for line in names.lines() {
        let marked = line.split_at_checked(2);
        let (marks, name) = marked.ok_or(StoreError::DamagedRow {
            table: "fields",
            column: "name",
        })?;
        if marks.starts_with('t') {
            uses.in_token.push(name.to_owned());
        }
        if marks.ends_with('r') {
            uses.self_read.push(name.to_owned());
        }
        if !values.contains_key(name) {
            values.insert(name.to_owned(), Value::Null);
        }
    }
    Ok((values, uses))
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::DamagedRow {
        table: "user_fields",
        column,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::domain::field::{Definition, FieldType, Input, Spec};
    use crate::domain::user::{NewUser, UserRef};
    use crate::store::tests::new_store;
    use crate::store::{Store, WriteMode, fields, users};

    fn add_user(store: &Store, number: u128) -> UserId {
        let id = UserId(Uuid::from_u128(number));
        let new = NewUser {
            email: format!("u{number}@example.com").parse().expect("fits"),
            first_name: "".parse().expect("fits"),
            last_name: "".parse().expect("fits"),
            phone_number: None,
            external_id: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            groups: std::collections::BTreeSet::new(),
            fields: BTreeMap::new(),
        };
        let added = store.write(move |tx| users::insert(tx, id, &new, None, Timestamp::UNIX_EPOCH));
        added.expect("is added").id
    }

    fn add_field(store: &Store, name: &str, unique: bool) -> Field {
        let name = FieldName::from_stored(name.to_owned());
        let definition = Definition::new(Spec {
            kind: FieldType::String,
            unique,
            ..Spec::default()
        });
        let definition = definition.expect("is a definition");
        let added =
            store.write(move |tx| fields::insert(tx, &name, &definition, Timestamp::UNIX_EPOCH));
        added.expect("is added")
    }

    fn give(store: &Store, user: UserId, field: &Field, text: &str) -> Result<(), StoreError> {
        let value = field.definition.parse(&Input::Text(text.to_owned()));
        let (value, field) = (value.expect("fits"), field.clone());
        store.write(move |tx| set(tx, user, &[(&field, value)]))
    }

    fn fields_of(store: &Store, user: UserId) -> String {
        let find = |connection: &Conn| users::find(connection, &UserRef::Id(user));
        let user = store.read(find).expect("reads").expect("is there");
        serde_json::to_string(&user.fields).expect("serialises")
    }

    /// Whatever the code above forgets to ask.
    #[test]
    fn the_schema_keeps_a_unique_value_for_one_account() {
        let (_database, store) = new_store(WriteMode::Direct);
        let (ada, bob) = (add_user(&store, 1), add_user(&store, 2));
        let (badge, motto) = (
            add_field(&store, "badge", true),
            add_field(&store, "motto", false),
        );
        give(&store, ada, &badge, "7").expect("is free");
        assert!(give(&store, bob, &badge, "7").is_err());
        give(&store, bob, &badge, "8").expect("is free");
        for user in [ada, bob] {
            give(&store, user, &motto, "7").expect("may be twice");
        }
    }

    #[test]
    fn the_column_is_the_table_and_every_field_is_in_what_is_read() {
        let (_database, store) = new_store(WriteMode::Direct);
        let ada = add_user(&store, 1);
        assert_eq!(fields_of(&store, ada), "{}");
        let motto = add_field(&store, "motto", false);
        add_field(&store, "badge", false);
        assert_eq!(fields_of(&store, ada), r#"{"badge":null,"motto":null}"#);
        let odd = "\"quotes\", \\, {}, ü and\nlines";
        give(&store, ada, &motto, odd).expect("fits");
        let written = serde_json::to_string(odd).expect("serialises");
        let expected = format!(r#"{{"badge":null,"motto":{written}}}"#);
        assert_eq!(fields_of(&store, ada), expected);
        give(&store, ada, &motto, "").expect("is taken away");
        assert_eq!(fields_of(&store, ada), r#"{"badge":null,"motto":null}"#);
    }
}

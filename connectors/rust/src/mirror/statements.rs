//! The statements for one table: a text for both engines, but for how values are written.

use std::error::Error;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::table::Table;
use super::told::Told;
use super::{MirrorError, NoRow};
use crate::answers::User;

pub(super) const SUB: &str = "authd_sub";
pub(super) const VERSION: &str = "authd_version";
const ACTIVE: &str = "is_active";
/// Fields of an account, beside its own ones.
const FIELDS: [&str; 11] = [
    "id",
    "external_id",
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "is_active",
    "is_staff",
    "is_superuser",
    "date_joined",
    "last_login",
];

/// A value for a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    Integer(i64),
    Real(f64),
    Bool(bool),
}

/// Rows of texts.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Why a statement did nothing.
pub(super) enum Failure {
    /// A rule of the table, or the type of a column, is against it.
    Refused,
    /// The database failed.
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<Failure> for MirrorError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::NoRow(NoRow::Refused),
            Failure::Broken(error) => Self::Database(error),
        }
    }
}

/// A database; each statement is whole in itself.
pub(super) trait Database {
    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Failure>;
}

/// A column as it is in the database.
pub(super) struct Column {
    pub(super) name: String,
    /// What a value is cast to; `None`: it is taken as it is.
    pub(super) cast: Option<String>,
    pub(super) takes_null: bool,
}

/// The table as it is, and what is done with it.
pub(super) struct Plan {
    pub(super) table: Table,
    columns: Vec<Column>,
    follows: Vec<(String, String)>,
    privileged: Vec<String>,
    /// Of whom it was said that the row stays as it was.
    pub(super) told: Told,
}

impl Plan {
    /// The plan for a table with these columns, if it has all that it needs.
    pub(super) fn new(table: Table, columns: Vec<Column>) -> Result<Self, MirrorError> {
        let wrong = |what: String| {
            Err(MirrorError::Table(format!(
                "the table {}: {what}",
                table.name
            )))
        };
        let is_there = |name: &str| columns.iter().any(|column| column.name == name);
        let follows = table.follows(is_there);
        for name in [&table.key, SUB, VERSION, ACTIVE]
            .into_iter()
            .chain(follows.iter().map(|(column, _)| &**column))
            .chain(table.external_id.as_deref())
            .chain(table.cleared.iter().map(|column| &**column))
        {
            if !is_there(name) {
                return wrong(format!("there is no column {name}"));
            }
        }
        for (column, field) in &follows {
            if !FIELDS.contains(&&**field) && !field.starts_with("fields.") {
                return wrong(format!(
                    "{column} cannot follow {field}, which authd does not have"
                ));
            }
            if [&*table.key, SUB, VERSION].contains(&&**column) {
                return wrong(format!("{column} cannot follow {field}"));
            }
        }
        if !follows
            .iter()
            .any(|(column, field)| column == ACTIVE && field == ACTIVE)
        {
            return wrong(format!("{ACTIVE} must follow {ACTIVE}"));
        }
        let privileged = table
            .privileged
            .iter()
            .filter(|name| is_there(name))
            .cloned()
            .collect();
        Ok(Self {
            table,
            columns,
            follows,
            privileged,
            told: Told::default(),
        })
    }

    /// The column that follows the address.
    pub(super) fn email(&self) -> Option<&str> {
        self.emails().next()
    }

    /// All that do.
    pub(super) fn emails(&self) -> impl Iterator<Item = &str> {
        let follows = self.follows.iter();
        follows
            .filter(|(_, field)| field == "email")
            .map(|(column, _)| &**column)
    }

    /// What stands in the row of an account for an address that is another's by now: none, or one that is nobody's.
    pub(super) fn no_address(&self, column: &str, sub: &str) -> Value {
        if self.column(column).takes_null {
            Value::Null
        } else {
            Value::Text(format!("{sub}@replaced.invalid"))
        }
    }

    /// What a row is to hold; what the account does not have is left out.
    pub(super) fn values(&self, account: &User) -> Vec<(&str, Value)> {
        let values = self.follows.iter().filter_map(|(column, field)| {
            let found = match field.strip_prefix("fields.") {
                Some(name) => account
                    .raw
                    .get("fields")
                    .and_then(|fields| fields.get(name)),
                None if field == ACTIVE => {
                    return Some((&**column, Value::Bool(account.is_active)));
                }
                None => account.raw.get(field),
            };
            Some((&**column, self.fitting(column, found?)))
        });
        values.collect()
    }

    /// A value as the column has it; where it takes no null, that is an empty text.
    fn fitting(&self, column: &str, value: &Json) -> Value {
        match value {
            Json::Null if self.column(column).takes_null => Value::Null,
            Json::Null => Value::Text(String::new()),
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Value::Integer(integer),
                (None, Some(real)) => Value::Real(real),
                (None, None) => Value::Text(number.to_string()),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(_) | Json::Object(_) => Value::Text(value.to_string()),
        }
    }

    fn column(&self, name: &str) -> &Column {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .expect("the plan was checked")
    }

    /// The nth value, for this column.
    fn value(&self, nth: usize, column: &str) -> String {
        match &self.column(column).cast {
            Some(kind) => format!("CAST(?{nth} AS {kind})"),
            None => format!("?{nth}"),
        }
    }

    /// `SET` of these columns, whose values come from the nth on.
    fn assignments(&self, columns: &[&str], mut nth: usize) -> String {
        let mut sql = String::new();
        for column in columns {
            let comma = if sql.is_empty() { "" } else { ", " };
            let _ = write!(sql, "{comma}{column} = {}", self.value(nth, column));
            nth += 1;
        }
        sql
    }

    /// What is answered of a row: its key, whether it is active, its version.
    fn answered(&self) -> String {
        let key = &self.table.key;
        format!("CAST({key} AS TEXT), CAST({ACTIVE} AS TEXT), CAST({VERSION} AS TEXT)")
    }

    pub(super) fn find(&self) -> String {
        let (name, answered) = (&self.table.name, self.answered());
        format!(
            "SELECT {answered} FROM {name} WHERE {SUB} = {}",
            self.value(1, SUB)
        )
    }

    /// Values: sub, version, then those of the columns. Only where the row is older.
    pub(super) fn update(&self, columns: &[&str]) -> String {
        let (name, answered) = (&self.table.name, self.answered());
        let (sub, version) = (self.value(1, SUB), self.value(2, VERSION));
        let set = self.assignments(columns, 3);
        format!(
            "UPDATE {name} SET {VERSION} = {version}, {set} \
             WHERE {SUB} = {sub} AND COALESCE({VERSION}, -1) < {version} RETURNING {answered}"
        )
    }

    /// Values: sub, version, activity. For a row that stays as it was otherwise: it does not have that version.
    pub(super) fn stay(&self) -> String {
        let (name, answered) = (&self.table.name, self.answered());
        let (sub, version) = (self.value(1, SUB), self.value(2, VERSION));
        let active = self.value(3, ACTIVE);
        format!(
            "UPDATE {name} SET {VERSION} = CASE WHEN {version} > 0 THEN {version} - 1 ELSE 0 END, {ACTIVE} = {active} \
             WHERE {SUB} = {sub} AND COALESCE({VERSION}, -1) < {version} RETURNING {answered}"
        )
    }

    /// Values: sub, version, what is instead of the address, the address. Only where the row is older; what its account
    /// has by now is to be news, though the row may have that version already.
    pub(super) fn replace(&self, column: &str) -> String {
        let (name, version) = (&self.table.name, self.value(2, VERSION));
        format!(
            "UPDATE {name} SET {column} = {}, {VERSION} = {VERSION} - CASE WHEN {VERSION} > 0 THEN 1 ELSE 0 END \
             WHERE {SUB} = {} AND COALESCE({VERSION}, -1) < {version} AND CAST({column} AS TEXT) = ?4 \
             RETURNING 'yes'",
            self.value(3, column),
            self.value(1, SUB)
        )
    }

    /// Values: sub, version, key, then those of the columns. Only where the row is nobody's yet.
    pub(super) fn adopt(&self, columns: &[&str], clears: bool) -> String {
        let (name, answered, key) = (&self.table.name, self.answered(), &self.table.key);
        let mut set = self.assignments(columns, 4);
        for column in self.table.cleared.iter().filter(|_| clears) {
            let _ = write!(set, ", {column} = NULL");
        }
        format!(
            "UPDATE {name} SET {SUB} = {}, {VERSION} = {}, {set} \
             WHERE {key} = {} AND {SUB} IS NULL RETURNING {answered}",
            self.value(1, SUB),
            self.value(2, VERSION),
            self.value(3, key)
        )
    }

    /// Values: sub, version, then those of the columns. Nothing where the account has a row.
    pub(super) fn insert(&self, columns: &[&str]) -> String {
        let (name, answered) = (&self.table.name, self.answered());
        let (mut names, mut values) = (format!("{SUB}, {VERSION}"), String::new());
        let _ = write!(values, "{}, {}", self.value(1, SUB), self.value(2, VERSION));
        for (nth, column) in (3..).zip(columns) {
            let _ = write!(names, ", {column}");
            let _ = write!(values, ", {}", self.value(nth, column));
        }
        format!(
            "INSERT INTO {name} ({names}) VALUES ({values}) ON CONFLICT ({SUB}) DO NOTHING RETURNING {answered}"
        )
    }

    /// Rows that may be the account's: key, whether it is somebody's, whether it is privileged, its address.
    pub(super) fn candidates(&self, column: &str, is_address: bool) -> String {
        let (name, key) = (&self.table.name, &self.table.key);
        let marks = self
            .privileged
            .iter()
            .map(|mark| format!("CAST({mark} AS TEXT)"));
        let marks: Vec<String> = std::iter::once("'0'".to_owned()).chain(marks).collect();
        let (left, right) = if is_address {
            (format!("lower({column})"), "lower(?1)".to_owned())
        } else {
            (column.to_owned(), self.value(1, column))
        };
        let marks = marks.join(", ");
        format!(
            "SELECT CAST({key} AS TEXT), CAST({column} AS TEXT), CAST({SUB} AS TEXT), {marks} \
             FROM {name} WHERE {left} = {right} LIMIT 10"
        )
    }

    /// Rows that no page has named since the versions were forgotten.
    pub(super) fn deactivate_unnamed(&self) -> String {
        let name = &self.table.name;
        let active = self.value(1, ACTIVE);
        format!("UPDATE {name} SET {ACTIVE} = {active}, {VERSION} = 0 WHERE {VERSION} = -1")
    }

    /// Whose they are.
    pub(super) fn unnamed(&self) -> String {
        let name = &self.table.name;
        format!("SELECT CAST({SUB} AS TEXT) FROM {name} WHERE {VERSION} = -1")
    }

    pub(super) fn forget_versions(&self) -> String {
        format!(
            "UPDATE {} SET {VERSION} = -1 WHERE {SUB} IS NOT NULL",
            self.table.name
        )
    }
}

/// The tables beside that of the users, and their columns.
pub(super) const BESIDE: [(&str, &str); 2] = [
    ("authd_cursor", "issuer, position"),
    ("authd_deleted", "authd_sub, version"),
];
pub(super) const CURSOR: &str = "SELECT CAST(position AS TEXT) FROM authd_cursor WHERE issuer = ?1";
pub(super) const SET_CURSOR: &str = "INSERT INTO authd_cursor (issuer, position) VALUES (?1, CAST(?2 AS BIGINT)) \
     ON CONFLICT (issuer) DO UPDATE SET position = excluded.position";

/// Accounts that are no more, also those that never had a row.
pub(super) const DELETED: &str =
    "SELECT CAST(version AS TEXT) FROM authd_deleted WHERE authd_sub = ?1";
pub(super) const SET_DELETED: &str = "INSERT INTO authd_deleted (authd_sub, version) VALUES (?1, CAST(?2 AS BIGINT)) \
     ON CONFLICT (authd_sub) DO UPDATE SET version = excluded.version";
/// What authd itself says from now on is newer, and what a token says is not.
pub(super) const FORGET_DELETED: &str = "UPDATE authd_deleted SET version = 0";

/// Whether this may stand in a statement as it is: letters, digits and underscores, for a table with its schema.
pub(super) fn check_names(table: &Table) -> Result<(), MirrorError> {
    let is_name = |text: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        text.bytes().all(is_letter)
            && text
                .bytes()
                .next()
                .is_some_and(|byte| !byte.is_ascii_digit())
    };
    let columns = table.columns.iter().map(|(column, _)| column);
    let columns = columns
        .chain(&table.privileged)
        .chain(&table.cleared)
        .chain(&table.external_id);
    for name in table
        .name
        .splitn(2, '.')
        .chain(columns.chain([&table.key]).map(|name| &**name))
    {
        if !is_name(name) {
            return Err(MirrorError::Table(format!(
                "'{name}' is no plain name of a table or a column"
            )));
        }
    }
    Ok(())
}

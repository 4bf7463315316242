//! What goes into a statement and what comes out of a row, whatever the engine.

use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type};
use rusqlite::types::{FromSql, ToSqlOutput, ValueRef};

use crate::store::error::StoreError;

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer(value.into()),
            Self::Integer(value) => ValueRef::Integer(value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql_checked(wanted, out),
            Self::Integer(value) => value.to_sql_checked(wanted, out),
            Self::Text(value) => value.to_sql_checked(wanted, out),
            Self::Bytes(value) => value.to_sql_checked(wanted, out),
        }
    }

    /// Each value sees for itself.
    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

/// What a column holds, where it is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Bool,
    Integer,
    Text,
    Bytes,
}

/// A row of a result.
pub(in crate::store) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

/// What a column can be read as.
pub(in crate::store) trait Column:
    FromSql + for<'r> postgres::types::FromSql<'r>
{
}

impl<T: FromSql + for<'r> postgres::types::FromSql<'r>> Column for T {}

impl Row<'_> {
    /// The column at this position, from 0.
    pub(in crate::store) fn get<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A column of this kind, as it would go into a statement.
    pub(in crate::store) fn value(
        &self,
        column: usize,
        kind: Kind,
    ) -> Result<Value<'_>, StoreError> {
        Ok(match kind {
            Kind::Bool => self.get::<Option<bool>>(column)?.into(),
            Kind::Integer => self.get::<Option<i64>>(column)?.into(),
            Kind::Text => self.maybe_text(column)?.into(),
            Kind::Bytes => self.maybe_bytes(column)?.into(),
        })
    }

    /// A text column without a copy.
    pub(in crate::store) fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str().map_err(wrong_type(column))?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// The same for one that may be null.
    pub(in crate::store) fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column)?;
                Ok(value.as_str_or_null().map_err(wrong_type(column))?)
            }
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column)?;
                Ok(value.as_blob_or_null().map_err(wrong_type(column))?)
            }
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

fn wrong_type(column: usize) -> impl FnOnce(rusqlite::types::FromSqlError) -> rusqlite::Error {
    move |error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Null,
            Box::new(error),
        )
    }
}

//! Rows on their way from one database to the other.

use super::tables::{BLOCK, Table};
use crate::store::engine::{Row, Tx, Value};
use crate::store::error::StoreError;

/// Up to [`BLOCK`] rows of a table that were read and are not written yet.
pub(super) struct Block {
    table: &'static Table,
    insert_many: &'static str,
    /// Row by row.
    values: Vec<Owned>,
}

/// A value that outlives the row it was read from.
enum Owned {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
}

impl<'a> From<&'a Owned> for Value<'a> {
    fn from(value: &'a Owned) -> Self {
        match value {
            Owned::Null => Self::Null,
            Owned::Bool(value) => Self::Bool(*value),
            Owned::Integer(value) => Self::Integer(*value),
            Owned::Text(text) => Self::Text(text),
            Owned::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl Block {
    pub(super) fn new(table: &'static Table, insert_many: &'static str) -> Self {
        Self {
            table,
            insert_many,
            values: Vec::with_capacity(BLOCK * table.columns.len()),
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        for (column, (_, kind)) in self.table.columns.iter().enumerate() {
            self.values.push(row.value(column, *kind)?.into());
        }
        Ok(())
    }

    /// Writes the rows in one statement if there are enough of them.
    pub(super) fn write_if_full(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if self.values.len() < BLOCK * self.table.columns.len() {
            return Ok(());
        }
        let values: Vec<Value<'_>> = self.values.iter().map(Value::from).collect();
        tx.execute(self.insert_many, &values)?;
        self.values.clear();
        Ok(())
    }

    /// Writes the rows one by one.
    pub(super) fn write(self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for row in self.values.chunks(self.table.columns.len()) {
            let values: Vec<Value<'_>> = row.iter().map(Value::from).collect();
            tx.execute(self.table.insert, &values)?;
        }
        Ok(())
    }
}

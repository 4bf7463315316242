//! Objects of a Django project, wherever they are kept: as a dump has them.

use std::collections::HashMap;

use indicatif::ProgressBar;
use serde_json::{Map, Value};

use super::dump::Dump;
use super::tables::Tables;
use crate::cli::error::CliError;

/// One object.
pub(super) struct Object {
    /// `app.model`, in lower case.
    pub(super) model: String,
    /// Its primary key; null where a dump has none.
    pub(super) pk: Value,
    /// Its columns. What refers to others has their primary or natural keys.
    pub(super) fields: Map<String, Value>,
}

/// What the primary key is called where columns are named.
pub(super) const KEY: &str = "pk";

impl Object {
    /// What a column holds, if it is a text; the primary key, too.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        match self.fields.get(column) {
            None if column == KEY => self.pk.as_str(),
            found => found.and_then(Value::as_str),
        }
    }
}

/// Where they come from.
pub(super) enum Objects {
    Dump(Box<Dump>),
    Tables(Box<Tables>),
}

impl Objects {
    /// The next one, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Object>, CliError> {
        match self {
            Self::Dump(dump) => dump.next(),
            Self::Tables(tables) => tables.next(),
        }
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) -> Result<(), CliError> {
        match self {
            Self::Dump(dump) => dump.rewind(),
            Self::Tables(tables) => {
                tables.rewind();
                Ok(())
            }
        }
    }

    /// The types of the users' columns, where a database knows them.
    pub(super) fn kinds(&self) -> HashMap<String, String> {
        match self {
            Self::Dump(_) => HashMap::new(),
            Self::Tables(tables) => tables.kinds(),
        }
    }

    /// Says how long one way through all of them is.
    pub(super) fn measure(&self, bar: &ProgressBar, ways: u64) {
        let length = match self {
            Self::Dump(dump) => dump.length(),
            Self::Tables(tables) => tables.length(),
        };
        bar.set_length(length * ways);
    }
}

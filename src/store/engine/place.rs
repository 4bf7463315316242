//! Where a file is, and whether it is there still.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::DatabaseUrl;
use crate::store::error::{Reason, StoreError};

/// The place of a file that is in use. A file that is moved or removed can be used on by whoever has
/// it open, and nobody else would ever see what they write.
#[derive(Debug)]
pub(in crate::store) struct Place {
    path: PathBuf,
    /// Device and number of the file that was there.
    identity: (u64, u64),
}

impl Place {
    /// The place of the file that is there now.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path).ok_or(Reason::Moved)?,
        })
    }

    /// Fails unless the same file is there still.
    pub(in crate::store) fn check(&self) -> Result<(), StoreError> {
        if identity(&self.path) == Some(self.identity) {
            Ok(())
        } else {
            Err(Reason::Moved.into())
        }
    }
}

/// Where the database's file is; a server's are its own affair.
pub(in crate::store) fn place(url: &DatabaseUrl) -> Result<Option<Place>, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => Place::of(path).map(Some),
        DatabaseUrl::Postgres(_) => Ok(None),
    }
}

/// Whether both paths lead to one file. Asked before it is opened by both: the engine would keep a
/// log for each.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    identity(one).is_some() && identity(one) == identity(other)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

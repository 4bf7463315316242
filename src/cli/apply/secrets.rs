//! Where the secrets of new clients go, if not to the terminal.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::cli::error::CliError;
use crate::service::apply::Change;

/// A file that is begun before anything is changed, so that no secret is made that has no place.
pub(super) struct SecretsFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl SecretsFile {
    /// Refuses a file that is there: the secrets in it may be the only ones.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::io(format!("writing '{}'", path.display()))(error);
        if path.exists() {
            return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Ok(Self {
            file: NamedTempFile::new_in(folder).map_err(failed)?,
            path: path.to_owned(),
        })
    }

    /// One JSON object, the secrets by the ids of their clients; no file, if there are none.
    pub(super) fn write(mut self, changes: &[Change]) -> Result<(), CliError> {
        let secrets = changes.iter().filter_map(|change| {
            let secret = change.secret.as_ref()?.expose().to_owned();
            Some((change.name.clone(), Value::from(secret)))
        });
        let secrets: Map<String, Value> = secrets.collect();
        if secrets.is_empty() {
            return Ok(());
        }
        let failed = |error| CliError::io(format!("writing '{}'", self.path.display()))(error);
        writeln!(self.file, "{}", Value::Object(secrets)).map_err(failed)?;
        self.file.as_file().sync_all().map_err(failed)?;
        let kept = self.file.persist_noclobber(&self.path);
        kept.map(drop).map_err(|error| failed(error.error))
    }
}

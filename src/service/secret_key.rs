//! The secret that seals the signing keys (ADR 7), and the file it lives in.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::domain::secret::Secret;
use crate::domain::sources::Random;
use crate::tokens::seal::SECRET_BYTES;

/// Where the secret comes from.
#[derive(Clone, Debug)]
pub enum SecretKeySource {
    /// Given by the configuration.
    Given(SecretKey),
    /// A file with 64 hexadecimal digits.
    File(PathBuf),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// Not 64 hexadecimal digits.
    #[error(
        "{0} does not hold 64 hexadecimal digits: make such a secret with 'openssl rand -hex 32'"
    )]
    Malformed(String),
    /// The keys in the database cannot be used without the file.
    #[error(
        "the secret key file '{0}' is missing, and the keys in the database are sealed with it: restore it from its backup, or copy it from another node"
    )]
    Missing(PathBuf),
    /// The file cannot be read or made.
    #[error("the secret key file '{file}' cannot be {what}: check its path and its permissions")]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
}

/// What the file of a secret that is to take over is called: this after the name of the other.
const NEXT: &str = ".next";

/// No more of a file is read: that is room for a secret and white space around it.
const MAX_BYTES: usize = 4096;

/// The secret: 32 random bytes.
pub type SecretKey = Secret<[u8; SECRET_BYTES]>;

impl SecretKeySource {
    /// The secret itself, as 64 hexadecimal digits.
    pub fn given(text: &str) -> Result<Self, SecretKeyError> {
        parse(text, "the value").map(Self::Given)
    }

    /// The secret that must be there.
    pub fn load(&self) -> Result<SecretKey, SecretKeyError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => read(path)?.ok_or_else(|| SecretKeyError::Missing(path.clone())),
        }
    }

    /// The secret; if it is to be in a file and is not, a new one is put there first.
    pub fn load_or_create(&self, random: &dyn Random) -> Result<SecretKey, SecretKeyError> {
        if let Self::File(path) = self
            && read(path)?.is_none()
        {
            write(path, &generate(random), Existing::Keep)?;
        }
        self.load()
    }

    /// The secret of a file that is named for this once.
    pub fn load_file(path: &Path) -> Result<SecretKey, SecretKeyError> {
        read(path)?.ok_or_else(|| io_error(path, "read", ErrorKind::NotFound.into()))
    }

    /// The secret that was to take over, if there is one: a change of secret did not get to its end.
    pub(super) fn load_next(&self) -> Result<Option<SecretKey>, SecretKeyError> {
        self.next().map_or(Ok(None), |next| read(&next))
    }

    /// Puts a secret beside the file, on the disk, for those who can read the file.
    pub(super) fn write_next(&self, secret: &SecretKey) -> Result<(), SecretKeyError> {
        let (Self::File(path), Some(next)) = (self, self.next()) else {
            return Ok(());
        };
        write(&next, secret, Existing::Replace { like: path })
    }

    /// The secret beside the file takes its place.
    pub(super) fn finish(&self) -> Result<(), SecretKeyError> {
        let (Self::File(path), Some(next)) = (self, self.next()) else {
            return Ok(());
        };
        fs::rename(next, path)
            .and_then(|()| sync_folder(path))
            .map_err(|cause| io_error(path, "replaced", cause))
    }

    fn next(&self) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        let mut name = path.clone().into_os_string();
        name.push(NEXT);
        Some(name.into())
    }

    /// Says in the log if others may read the file. Containers hand out secrets so: it is no error.
    pub fn warn_of_readers(&self) {
        let Self::File(path) = self else { return };
        let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
        if mode & 0o077 != 0 {
            let file = path.display();
            tracing::warn!(%file, "others may read or change the secret key file: chmod 600 it");
        }
    }
}

fn read(path: &Path) -> Result<Option<SecretKey>, SecretKeyError> {
    let mut text = String::with_capacity(MAX_BYTES);
    let read =
        fs::File::open(path).and_then(|file| file.take(MAX_BYTES as u64).read_to_string(&mut text));
    let text = match read {
        Ok(_) => Secret::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io_error(path, "read", cause)),
    };
    parse(
        text.expose(),
        &format!("the secret key file '{}'", path.display()),
    )
    .map(Some)
}

/// A new secret.
pub(super) fn generate(random: &dyn Random) -> SecretKey {
    let mut secret = Secret::new([0; SECRET_BYTES]);
    random.fill(secret.expose_mut());
    secret
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing<'p> {
    /// Another process was faster: theirs stays.
    Keep,
    /// The new one has the owner and the mode of this file.
    Replace { like: &'p Path },
}

/// Makes the file whole, with mode 0600 from the first byte, and on the disk.
fn write(path: &Path, secret: &SecretKey, existing: Existing<'_>) -> Result<(), SecretKeyError> {
    let digits = halves(secret.expose()).map(|half| format!("{half:032x}"));
    let digits = Secret::new(digits.concat());
    let failed = |cause| io_error(path, "created", cause);
    let mut file = tempfile::Builder::new()
        .prefix(".authd-key-")
        .tempfile_in(folder_of(path))
        .map_err(failed)?;
    if let Existing::Replace { like } = existing {
        keep_readers(like, file.as_file()).map_err(failed)?;
    }
    writeln!(file, "{}", digits.expose()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let kept = match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace { .. } => file.persist(path),
    };
    match kept {
        Ok(_) => sync_folder(path).map_err(failed),
        Err(error)
            if existing == Existing::Keep && error.error.kind() == ErrorKind::AlreadyExists =>
        {
            Ok(())
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// Gives a file that is about to take the place of another the same owner and mode: the daemon may run
/// under another account than whoever replaces its secret.
fn keep_readers(old: &Path, new: &fs::File) -> std::io::Result<()> {
    let old = match fs::metadata(old) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        old => old?,
    };
    let now = new.metadata()?;
    if (old.uid(), old.gid()) != (now.uid(), now.gid()) {
        std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(old.permissions())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    fs::File::open(folder_of(path))?.sync_all()
}

fn parse(text: &str, place: &str) -> Result<SecretKey, SecretKeyError> {
    let malformed = || SecretKeyError::Malformed(place.to_owned());
    let digits = text.trim();
    if digits.len() != 2 * SECRET_BYTES || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let mut bytes = [0; SECRET_BYTES];
    for (half, at) in bytes.chunks_exact_mut(16).zip([0, 32]) {
        let number = u128::from_str_radix(&digits[at..at + 32], 16).map_err(|_| malformed())?;
        half.copy_from_slice(&number.to_be_bytes());
    }
    Ok(Secret::new(bytes))
}

/// The secret as two numbers.
fn halves(bytes: &[u8; SECRET_BYTES]) -> [u128; 2] {
    let number = |half: &[u8]| {
        half.iter()
            .fold(0, |number, byte| (number << 8) | u128::from(*byte))
    };
    let (first, second) = bytes.split_at(SECRET_BYTES / 2);
    [number(first), number(second)]
}

fn io_error(file: &Path, what: &'static str, cause: std::io::Error) -> SecretKeyError {
    SecretKeyError::Io {
        file: file.to_owned(),
        what,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sources::fixed::CountingRandom;

    /// Security statement 99, for the key file.
    #[test]
    fn the_file_is_made_once_private_and_read_again() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("authd.key");
        let source = SecretKeySource::File(path.clone());
        assert!(matches!(source.load(), Err(SecretKeyError::Missing(_))));
        let random = CountingRandom::default();
        let made = source.load_or_create(&random).expect("makes one");
        let again = source.load_or_create(&random).expect("finds it");
        assert_eq!(made.expose(), again.expose());
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_replaced_can_be_read_by_the_same_as_before() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("authd.key");
        write(&path, &Secret::new([1; SECRET_BYTES]), Existing::Keep).expect("is made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("is changed");
        // Only root can give a file away; anybody else replaces their own.
        let given = std::os::unix::fs::chown(&path, Some(65534), Some(65534)).is_ok();
        let source = SecretKeySource::File(path.clone());
        let written = source.write_next(&Secret::new([2; SECRET_BYTES]));
        written.and_then(|()| source.finish()).expect("is replaced");
        let file = fs::metadata(&path).expect("is there");
        assert_eq!(file.permissions().mode() & 0o777, 0o640);
        assert_eq!((file.uid(), file.gid()) == (65534, 65534), given);
        assert!(
            fs::read_to_string(&path)
                .expect("reads")
                .starts_with("0202")
        );
    }

    #[test]
    fn anything_but_64_hexadecimal_digits_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("authd.key");
        for text in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            fs::write(&path, text).expect("writes");
            let source = SecretKeySource::File(path.clone());
            let outcome = source.load_or_create(&CountingRandom::default());
            assert!(
                matches!(outcome, Err(SecretKeyError::Malformed(_))),
                "{text:?}"
            );
            assert_eq!(fs::read_to_string(&path).expect("reads"), text);
        }
    }
}

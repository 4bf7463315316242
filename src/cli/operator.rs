//! Who runs a command.

use nix::unistd::{User, getuid};

/// The name of the account that the operating system runs this for; its number where it has no name.
pub(super) fn name() -> String {
    let uid = getuid();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

//! What there is to know of accounts that were there before an import.

use crate::cli::names::{Named, counted};
use crate::service::import::Remark;

/// What was remarked, as sentences.
#[derive(Default)]
pub(super) struct Remarks {
    kept: Named,
    alone: Named,
    losing: Named,
}

impl Remarks {
    pub(super) fn take(&mut self, remarks: &[Remark]) {
        for remark in remarks {
            match remark {
                Remark::KeepsPassword(email) => self.kept.add(email),
                Remark::KeepsPasswordAlone(email) => self.alone.add(email),
                Remark::Loses(email, groups, permissions) => {
                    let groups = groups.iter().map(|name| format!("the group '{name}'"));
                    let permissions = permissions.iter();
                    let permissions =
                        permissions.map(|name| format!("the permission '{}'", name.as_str()));
                    let lost: Vec<_> = groups.chain(permissions).collect();
                    self.losing.add(&format!("{email} ({})", lost.join(", ")));
                }
            }
        }
    }

    /// What is as it should be, and may be asked about.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.kept.is_empty() {
            notes.push(format!(
                "kept: {} that somebody logged in with or set here; if Django has another by now, it does not come: {}",
                counted(self.kept.count(), "password"),
                self.kept
            ));
        }
        if !self.losing.is_empty() {
            notes.push(format!(
                "taken from {}, because Django has it not: {}",
                counted(self.losing.count(), "account"),
                self.losing
            ));
        }
        notes
    }

    /// What somebody should look at.
    pub(super) fn warnings(&self) -> Vec<String> {
        if self.alone.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "Django has no password for {} that somebody logged in with or set one for here, and that one stays; if it was taken away in Django, see 'authctl user disable' and 'authctl user passwd': {}",
            counted(self.alone.count(), "account"),
            self.alone
        )]
    }
}

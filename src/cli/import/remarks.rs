//! What there is to know of accounts that were there before an import.

use crate::cli::names::{Named, counted};
use crate::service::import::Remark;

/// What was remarked, as sentences.
#[derive(Default)]
pub(super) struct Remarks {
    kept: Named,
    alone: Named,
    enabled: Named,
    demoted: Named,
    losing: Named,
}

impl Remarks {
    pub(super) fn take(&mut self, remarks: &[Remark]) {
        for remark in remarks {
            match remark {
                Remark::KeepsPassword(email) => self.kept.add(email),
                Remark::KeepsPasswordAlone(email) => self.alone.add(email),
                Remark::Enabled(email) => self.enabled.add(email),
                Remark::Demoted(email) => self.demoted.add(email),
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
        if !self.demoted.is_empty() {
            notes.push(format!(
                "staff or a superuser no more, because Django says so: {}",
                self.demoted
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
        let mut warnings = Vec::new();
        if !self.enabled.is_empty() {
            warnings.push(format!(
                "disabled here and active again, because Django says so: {}; whoever is to be stopped is disabled in Django, too: {}",
                counted(self.enabled.count(), "account"),
                self.enabled
            ));
        }
        if !self.alone.is_empty() {
            warnings.push(format!(
                "Django has no password for {} that somebody logged in with or set one for here, and that one stays; if it was taken away in Django, disable the account there, too, or see 'authctl user passwd': {}",
                counted(self.alone.count(), "account"),
                self.alone
            ));
        }
        warnings
    }
}

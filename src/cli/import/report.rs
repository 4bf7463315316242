//! What an import came to.

use serde_json::{Value, json};

use super::remarks::Remarks;
use crate::cli::error::{CliError, OfRows};
use crate::cli::output::{self, Format, Output};
use crate::service::import::Outcome;

/// Counts of outcomes, and the first rows that were refused.
pub(in crate::cli) struct Report {
    output: Output,
    dry_run: bool,
    /// Rows are only tried: what is counted was not done.
    is_trial: bool,
    /// What the numbers of rows are of: "line".
    what: &'static str,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    refused: u64,
    /// Of the refused, those that are about what is there already.
    conflicts: u64,
    errors: Vec<Value>,
    remarks: Remarks,
}

/// Refused rows in a JSON document; what else there is, it only counts.
const MAX_ERRORS: usize = 1000;

impl Report {
    /// Of rows that are tried, whether or not they are to be imported after that.
    #[must_use]
    pub(in crate::cli) fn of_a_trial(self) -> Self {
        Self {
            is_trial: true,
            ..self
        }
    }

    pub(in crate::cli) fn new(output: Output, dry_run: bool) -> Self {
        Self::of("line", output, dry_run)
    }

    /// Of rows that are numbered by something else.
    pub(in crate::cli) fn of(what: &'static str, output: Output, dry_run: bool) -> Self {
        Self {
            output,
            dry_run,
            what,
            is_trial: false,
            created: 0,
            updated: 0,
            unchanged: 0,
            skipped: 0,
            refused: 0,
            conflicts: 0,
            errors: Vec::new(),
            remarks: Remarks::default(),
        }
    }

    /// After all rows were tried.
    pub(in crate::cli) fn start_anew(&mut self) {
        *self = Self::of(self.what, self.output, self.dry_run);
    }

    pub(in crate::cli) fn has_refused(&self) -> bool {
        self.refused > 0
    }

    pub(in crate::cli) fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated(remarks) => {
                self.remarks.take(remarks);
                &mut self.updated
            }
            Outcome::Unchanged(remarks) => {
                self.remarks.take(remarks);
                &mut self.unchanged
            }
            Outcome::Skipped => &mut self.skipped,
            Outcome::Refused(_) => &mut self.refused,
        };
        *counter += 1;
    }

    /// Counts a row that does not fit, and says why: as it comes, or in the document at the end.
    pub(in crate::cli) fn refuse(&mut self, line: u64, problem: &str, is_conflict: bool) {
        self.refused += 1;
        self.conflicts += u64::from(is_conflict);
        if self.output.format == Format::Json {
            if self.errors.len() < MAX_ERRORS {
                let error = json!({self.what: line, "message": problem});
                self.errors.push(error);
            }
        } else {
            output::remark(&format!("{} {line}: {problem}", self.what));
        }
    }

    /// What was done before an interruption, and how to go on.
    pub(in crate::cli) fn so_far(&self) -> String {
        if self.is_trial {
            return "nothing was imported".into();
        }
        format!(
            "{}; run the same again with --on-conflict skip or update to go on",
            self.counts()
        )
    }

    /// Prints all of it. `nothing`: nothing was imported, because of the rows that were refused.
    pub(in crate::cli) fn finish(mut self, nothing: bool) -> Result<(), CliError> {
        if nothing {
            (self.created, self.updated) = (0, 0);
            (self.unchanged, self.skipped) = (0, 0);
            self.remarks = Remarks::default();
        }
        self.print()?;
        match self.refused {
            0 => Ok(()),
            count => Err(self.failure(match (count, nothing) {
                (1, true) => "1 row does not fit: nothing was imported".into(),
                (count, true) => format!("{count} rows do not fit: nothing was imported"),
                (1, false) => "1 row does not fit".into(),
                (count, false) => format!("{count} rows do not fit"),
            })),
        }
    }

    /// A row that fitted when it was tried did not any more.
    pub(in crate::cli) fn stopped(&self) -> Result<(), CliError> {
        self.print()?;
        Err(self.failure(format!(
            "somebody else changed something meanwhile, and the import stopped: {}",
            self.so_far()
        )))
    }

    /// Says how far it came, before another error.
    pub(in crate::cli) fn say(&self) {
        self.output.note(&self.so_far());
    }

    fn failure(&self, sentence: String) -> CliError {
        let all = if self.refused == self.conflicts {
            OfRows::Conflicts
        } else {
            OfRows::Invalid
        };
        CliError::Rows(sentence, all)
    }

    fn print(&self) -> Result<(), CliError> {
        let document = json!({
            "dry_run": self.dry_run,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "skipped": self.skipped,
            "refused": self.refused,
            "errors": self.errors,
            "warnings": self.remarks.warnings(),
            "notes": self.remarks.notes(),
        });
        for note in self.remarks.notes() {
            self.output.note(&note);
        }
        for warning in self.remarks.warnings() {
            output::remark(&format!("warning: {warning}"));
        }
        let sentence = if self.dry_run {
            format!("{}; nothing was changed", self.counts())
        } else {
            self.counts()
        };
        self.output.outcome(&document, &sentence)
    }

    fn counts(&self) -> String {
        format!(
            "{} created, {} updated, {} unchanged, {} skipped, {} refused",
            self.created, self.updated, self.unchanged, self.skipped, self.refused
        )
    }
}

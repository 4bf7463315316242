//! How far work is that takes long, where somebody sees it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, if that is a terminal; `amount` is how the template counts.
pub(super) fn bar(quiet: bool, amount: &str) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = format!("{{msg:24}} [{{wide_bar}}] {amount}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).expect("is a template");
    ProgressBar::no_length().with_style(style.progress_chars("=> "))
}

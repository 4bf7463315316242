//! `authd`: answers who is logging in, and whose token this is.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth::cli::authd::main()
}

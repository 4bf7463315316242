//! `authctl`: manages the users behind `authd`.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth::cli::authctl::main()
}

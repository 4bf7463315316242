//! Both programs in one file: it is the one that it is called by the name of. What they share, which is
//! nearly all, is in the image once.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args_os().next().map(PathBuf::from);
    if name.as_deref().and_then(|path| path.file_name()) == Some(OsStr::new("authctl")) {
        auth::cli::authctl::main()
    } else {
        auth::cli::authd::main()
    }
}

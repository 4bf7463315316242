//! What the machine has for a PostgreSQL server: programs, a user to run it, a port.

use std::cmp::Reverse;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;

use crate::run::variable;

/// What a folder must hold to be the one with PostgreSQL's programs.
const PROGRAMS: [&str; 6] = [
    "initdb",
    "postgres",
    "psql",
    "pg_isready",
    "pg_basebackup",
    "pg_dump",
];

/// The folder with PostgreSQL's programs: Debian's newest, or one on the path.
pub(crate) fn programs() -> PathBuf {
    find_programs().expect(
        "the tests need PostgreSQL: install it (Debian and Ubuntu: apt-get install postgresql), or \
         leave its tests out with SKIP_POSTGRES=1",
    )
}

/// The same, if there is one.
pub(crate) fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
    let mut folders: Vec<PathBuf> = versions
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort_by_key(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        Reverse(name.and_then(|name| name.parse::<u32>().ok()))
    });
    let path = variable("PATH").unwrap_or_default();
    folders
        .into_iter()
        .map(|folder| folder.join("bin"))
        .chain(path.split(':').map(PathBuf::from))
        .find(|folder| PROGRAMS.iter().all(|name| folder.join(name).is_file()))
}

/// Of PostgreSQL's programs, as in "15.4".
pub(crate) fn version() -> String {
    let program = programs().join("postgres");
    let output = Command::new(program).arg("--version").output();
    let text = String::from_utf8(output.expect("starts").stdout).expect("prints UTF-8");
    // "postgres (PostgreSQL) 15.4 (a packager's words)"
    text.split(' ').nth(2).unwrap_or(&text).trim().to_owned()
}

/// User and group for the server where the tests run as root, which it refuses to run as.
pub(crate) fn unprivileged_user() -> Option<(u32, u32)> {
    let id = |flag, name| {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    geteuid().is_root().then(|| {
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
            .expect("there is a user 'postgres' or 'nobody'")
    })
}

/// Below those that the kernel gives out by itself: nobody gets it while the server is down.
pub(crate) fn free_port() -> u16 {
    (0..100)
        .map(|_| 15_000 + u16::from_le_bytes(random()) % 17_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a port is free")
}

/// A password that nobody else on the machine knows: the server listens to all of them.
pub(crate) fn password() -> String {
    random::<16>().map(|byte| format!("{byte:02x}")).concat()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("is random");
    bytes
}

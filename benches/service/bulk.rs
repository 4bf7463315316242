//! Very many users, brought into a SQLite file of their own by `authctl import`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::fill;
use crate::process::{self, Kib};

/// How often a command's memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The hash of some password: nobody logs in.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";

/// A folder with the database, and how the import went.
pub(crate) struct Bulk {
    pub(crate) folder: PathBuf,
    pub(crate) users: u32,
    pub(crate) import: Ran,
    /// The same in one pass, with `--keep-going`, into another file that is gone.
    pub(crate) one_pass: Ran,
}

/// How a command went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// The most memory it had at a time.
    pub(crate) peak: Kib,
}

impl Bulk {
    /// Makes a file of so many users in a new folder of `site`, and imports it.
    pub(crate) fn import(site: &Path, users: u32) -> Result<Self, Failure> {
        let folder = site.join("bulk");
        fs::create_dir(&folder)?;
        write_users(&folder.join("users.jsonl"), users)?;
        let keep_going = ["import", "users.jsonl", "-q", "--keep-going"];
        let one_pass = run(&folder, "once.db", &keep_going)?;
        for ending in ["", "-wal", "-shm"] {
            let file = folder.join(format!("once.db{ending}"));
            if file.exists() {
                fs::remove_file(file)?;
            }
        }
        let import = run(&folder, "authd.db", &["import", "users.jsonl", "-q"])?;
        Ok(Self {
            folder,
            users,
            import,
            one_pass,
        })
    }

    /// Runs `authctl` on the database.
    pub(crate) fn authctl(&self, arguments: &[&str]) -> Result<Ran, Failure> {
        run(&self.folder, "authd.db", arguments)
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.folder.join("authd.db").display())
    }
}

fn write_users(path: &Path, users: u32) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..users {
        let (id, email) = (fill::id(number), fill::email(number));
        writeln!(
            file,
            "{{\"id\":\"{id}\",\"email\":\"{email}\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace {number}\",\
             \"phone_number\":\"+442079460{:03}\",\"is_active\":true,\"is_staff\":false,\
             \"is_superuser\":false,\"groups\":[],\"fields\":{{}},\
             \"date_joined\":\"2026-01-01T00:00:00Z\",\"last_login\":null,\"version\":{number},\
             \"password_hash\":\"{HASH}\"}}",
            number % 1000
        )?;
    }
    Ok(file.flush()?)
}

/// Runs `authctl` to its end, which must be a good one.
fn run(folder: &Path, database: &str, arguments: &[&str]) -> Result<Ran, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authctl"));
    command
        .current_dir(folder)
        .env_clear()
        .env("AUTHD_DATABASE_URL", format!("sqlite:{database}"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let mut peak = Kib::default();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // Once it has ended there is nothing to see.
        if let Ok(seen) = process::peak(child.id()) {
            peak = peak.max(seen);
        }
        std::thread::sleep(LOOK);
    };
    let took = began.elapsed();
    if !status.success() {
        return Err(format!("authctl {} ended with {status}", arguments.join(" ")).into());
    }
    Ok(Ran { took, peak })
}

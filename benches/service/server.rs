//! A server as a child process: started, asked, stopped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::process::{self, Memory};

/// How long a server may take to say that it is ready.
const READY: Duration = Duration::from_secs(30);

/// How long a server may take to stop after SIGTERM.
const STOP: Duration = Duration::from_secs(15);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where it listens for gRPC, if it does.
    grpc: Option<SocketAddr>,
    /// When it was spawned.
    pub(crate) spawned: Instant,
}

impl Server {
    /// Starts `command` and waits for its line `... ready on http://ADDRESS`.
    ///
    /// Its standard error goes to the file `log`, as a daemon's does.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let file = File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file);
        let spawned = Instant::now();
        let mut child = command.spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or("the server has no standard output")?;
        match ready(stdout) {
            Some((address, grpc)) => Ok(Self {
                child,
                address,
                grpc,
                spawned,
            }),
            None => Err(epitaph(child, log)),
        }
    }

    /// Where it listens for gRPC; only one that was told to does.
    pub(crate) fn grpc(&self) -> Result<SocketAddr, Failure> {
        self.grpc
            .ok_or_else(|| "it does not listen for gRPC".into())
    }

    /// CPU time used since the start, all threads; exact to 10 ms.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        process::cpu(self.child.id())
    }

    /// Memory in RAM now.
    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        process::memory(self.child.id())
    }

    /// Asks it to stop, as an init system does; fails unless it ends by itself with status 0.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return ended_well(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err(format!(
            "the server did not stop within {} s of SIGTERM",
            STOP.as_secs()
        )
        .into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses in the ready line; `None` when the output ended or time ran out before it.
fn ready(stdout: ChildStdout) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let (sender, receiver) = mpsc::channel();
    // Reads on after the line, so that the server never writes into a closed or full pipe.
    thread::spawn(move || {
        let lines: Lines<_> = BufReader::new(stdout).lines();
        for addresses in lines
            .map_while(Result::ok)
            .filter_map(|line| addresses(&line))
        {
            let _ = sender.send(addresses);
        }
    });
    receiver.recv_timeout(READY).ok()
}

/// The first addresses of `authd ready on http://127.0.0.1:8000 and for gRPC on 127.0.0.1:8001`.
fn addresses(line: &str) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let (_, addresses) = line.split_once(" ready on ")?;
    let grpc = addresses
        .split_once(" gRPC on ")
        .and_then(|(_, targets)| first(targets));
    Some((first(addresses)?, grpc))
}

fn first(addresses: &str) -> Option<SocketAddr> {
    let first = addresses.split_whitespace().next()?;
    first.strip_prefix("http://").unwrap_or(first).parse().ok()
}

/// Why a server that never got ready ended, in its own last words.
fn epitaph(mut child: Child, log: &Path) -> Failure {
    let end = match child.try_wait() {
        Ok(Some(status)) => format!("it ended ({status})"),
        _ => "it did not say so in time".into(),
    };
    let _ = child.kill();
    let _ = child.wait();
    let words = fs::read_to_string(log).unwrap_or_default();
    let last = words.lines().rfind(|line| !line.trim().is_empty());
    format!(
        "the server was never ready: {end}: {}",
        last.unwrap_or("it wrote no reason")
    )
    .into()
}

fn ended_well(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("the server ended with {status}").into())
    }
}

/// A log file in `folder` that no other server of this run writes to.
pub(crate) fn log_in(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

//! What the kernel tells about a running process, from `/proc`.

use std::fmt;
use std::fs;
use std::time::Duration;

use crate::Failure;

/// Ticks a second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Memory of a process that is in RAM now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// `VmRSS`: all of it.
    pub(crate) resident: Kib,
    /// `RssAnon`: heap and stacks.
    pub(crate) anonymous: Kib,
    /// `RssFile` and `RssShmem`: the program itself and mapped files.
    pub(crate) file: Kib,
}

/// An amount of memory in KiB; printed in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kib(u64);

impl fmt::Display for Kib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10 + 512) / 1024;
        write!(f, "{}.{} MiB", tenths / 10, tenths % 10)
    }
}

/// User and system time of all threads, those that ended included; exact to 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Failure> {
    let path = format!("/proc/{pid}/stat");
    let stat = read(&path)?;
    // The second field is the name in parentheses and may hold spaces; utime is the 14th.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(system))) => Ok(Duration::from_millis(
            (user + system) * 1_000 / TICKS_PER_SECOND,
        )),
        _ => Err(format!("{path} has no CPU times").into()),
    }
}

/// Memory in RAM now.
pub(crate) fn memory(pid: u32) -> Result<Memory, Failure> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let memory = Memory {
        resident: Kib(kib("VmRSS:")),
        anonymous: Kib(kib("RssAnon:")),
        file: Kib(kib("RssFile:") + kib("RssShmem:")),
    };
    if memory.resident == Kib::default() {
        return Err(format!("process {pid} has no memory any more").into());
    }
    Ok(memory)
}

/// The most memory that it had at a time (`VmHWM`).
pub(crate) fn peak(pid: u32) -> Result<Kib, Failure> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number
        .map(Kib)
        .ok_or_else(|| format!("process {pid} has no memory any more").into())
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}").into())
}

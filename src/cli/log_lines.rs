//! How lines of the log get out: those of a busy I/O thread together, the others one by one.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Lines kept at most, in bytes, before they are written: what a pipe takes whole, so that lines
/// of several threads never mix within one (POSIX `PIPE_BUF` on Linux).
const KEPT_BYTES: usize = 4096;

thread_local! {
    /// The lines that this thread keeps; `None`: it keeps none.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Where the log goes.
///
/// Each line is a write of its own, except on threads that call [`LogLines::thread_is_idle`]: those
/// keep what is not urgent until then. A write a request costs more than the rest of the request's
/// logging, and the threads would wait for each other at the file.
#[derive(Clone)]
pub(super) struct LogLines(Arc<File>);

impl LogLines {
    pub(super) fn new(file: File) -> Self {
        Self(Arc::new(file))
    }

    /// The calling thread has nothing to do: it writes the lines that it kept. From its first call
    /// on, a thread keeps lines for the next.
    pub(super) fn thread_is_idle(&self) {
        KEPT.with_borrow_mut(|kept| match kept {
            // Nobody is left to tell if the log cannot be written.
            Some(kept) => drop(kept.write_out()),
            None => *kept = Some(Kept::new(Arc::clone(&self.0))),
        });
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            file: &self.0,
            is_urgent: true,
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        Line {
            file: &self.0,
            is_urgent: *meta.level() <= Level::WARN,
        }
    }
}

/// Takes one line, in one piece.
pub(super) struct Line<'a> {
    file: &'a File,
    is_urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        KEPT.with_borrow_mut(|kept| match kept {
            Some(kept) => kept.add(line, self.is_urgent),
            None => self.file.write_all(line),
        })?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines of one thread on their way out. Written at the latest when the thread ends.
struct Kept {
    file: Arc<File>,
    lines: Vec<u8>,
}

impl Kept {
    fn new(file: Arc<File>) -> Self {
        let lines = Vec::with_capacity(KEPT_BYTES);
        Self { file, lines }
    }

    fn add(&mut self, line: &[u8], is_urgent: bool) -> io::Result<()> {
        if self.lines.len() + line.len() > KEPT_BYTES {
            self.write_out()?;
        }
        self.lines.extend_from_slice(line);
        if is_urgent {
            self.write_out()?;
        }
        Ok(())
    }

    /// Lines that cannot be written are lost, not tried again: there would be ever more of them.
    fn write_out(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let outcome = (&*self.file).write_all(&self.lines);
        self.lines.clear();
        outcome
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // As above.
        let _ = self.write_out();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    /// What the log holds after `run` on a thread of its own, seen from inside and after its end.
    fn log_of(run: impl FnOnce(&LogLines, &dyn Fn() -> String) + Send) -> String {
        let file = tempfile::NamedTempFile::new().expect("makes a file");
        let lines = LogLines::new(file.reopen().expect("opens"));
        let read = || fs::read_to_string(file.path()).expect("reads");
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let log = tracing_subscriber::fmt()
                    .with_writer(lines.clone())
                    .with_target(false)
                    .without_time()
                    .with_ansi(false)
                    .finish();
                tracing::subscriber::with_default(log, || run(&lines, &read));
            });
            // The scope's end would not wait for what the thread leaves behind.
            thread.join().expect("joins");
        });
        read()
    }

    #[test]
    fn a_line_is_written_at_once_on_a_thread_that_never_says_it_is_idle() {
        log_of(|_, read| {
            tracing::info!("one");
            assert_eq!(read(), " INFO one\n");
        });
    }

    #[test]
    fn a_thread_that_says_when_it_is_idle_writes_its_lines_then() {
        log_of(|lines, read| {
            lines.thread_is_idle();
            tracing::info!("one");
            tracing::info!("two");
            assert_eq!(read(), "");
            lines.thread_is_idle();
            assert_eq!(read(), " INFO one\n INFO two\n");
        });
    }

    #[test]
    fn a_warning_does_not_wait_and_keeps_the_order() {
        log_of(|lines, read| {
            lines.thread_is_idle();
            tracing::info!("one");
            tracing::warn!("two");
            assert_eq!(read(), " INFO one\n WARN two\n");
        });
    }

    #[test]
    fn a_thread_keeps_no_more_than_a_pipe_takes_whole() {
        let whole = log_of(|lines, read| {
            lines.thread_is_idle();
            let mut written = 0;
            for _ in 0..100 {
                tracing::info!("{}", "x".repeat(92));
                let now = read().len();
                assert!(now - written <= KEPT_BYTES && now.is_multiple_of(99));
                written = now;
            }
            assert!(written > 0);
        });
        assert_eq!(whole.lines().count(), 100, "the rest when the thread ends");
    }

    #[test]
    fn a_log_that_cannot_be_written_stops_nobody() {
        let full = fs::File::options().write(true).open("/dev/full");
        let lines = LogLines::new(full.expect("opens"));
        lines.thread_is_idle();
        let mut line = lines.make_writer();
        assert!(line.write_all(b"lost\n").is_err());
        lines.thread_is_idle();
        assert!(line.write_all(b"lost, too\n").is_err());
    }
}

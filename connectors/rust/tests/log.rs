//! What the connector says of itself.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Where the log is collected.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("is whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged on this thread while it does this.
pub(crate) fn log_of(work: impl FnOnce()) -> String {
    // Somebody listens on every thread, or else a line that is written on one where nobody does may be switched off for
    // this one too, by what `tracing` remembers of it.
    let everybody = tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .finish();
    let _ = tracing::subscriber::set_global_default(everybody);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let said = log.0.lock().expect("is whole").clone();
    String::from_utf8(said).expect("is UTF-8")
}

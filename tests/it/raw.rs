//! A client without manners: it puts bytes on a socket and looks at what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any time-out that a test configures, and short enough to fail soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, and what came over it and was not looked at yet.
pub(crate) struct Raw {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

trait Stream: Read + Write + Send {
    fn wait_at_most(&self, time: Duration);
}

impl Stream for TcpStream {
    fn wait_at_most(&self, time: Duration) {
        self.set_read_timeout(Some(time)).expect("sets an option");
    }
}

impl Stream for UnixStream {
    fn wait_at_most(&self, time: Duration) {
        self.set_read_timeout(Some(time)).expect("sets an option");
    }
}

/// An answer as it stood on the wire.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// A header field's value; empty if there is none.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let value = values.next().unwrap_or_default();
        assert_eq!(values.next(), None, "{name} is there twice: {}", self.head);
        value
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that this is a problem with this status and code, marked as every answer is.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json()["code"], code, "{self:?}");
        assert_eq!(self.json()["status"], status, "{self:?}");
        self.is_marked();
    }

    /// Asserts what every answer has: an id, and that no cache keeps it.
    #[track_caller]
    pub(crate) fn is_marked(&self) {
        assert!(self.header("x-request-id").len() >= 8, "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
    }
}

impl Raw {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_nodelay(true).expect("sets an option");
        Self::over(stream)
    }

    pub(crate) fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("connects");
        Self::over(stream)
    }

    fn over(stream: impl Stream + 'static) -> Self {
        stream.wait_at_most(PATIENCE);
        Self {
            stream: Box::new(stream),
            unread: vec![],
        }
    }

    /// Sends these bytes.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("sends");
    }

    /// Sends these bytes, as far as the other side lets us.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The next answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> RawAnswer {
        let mut answer = self.head();
        let length = answer.header("content-length").parse().unwrap_or(0);
        self.until(|unread| unread.len() >= length);
        answer.body = self.unread.drain(..length).collect();
        answer
    }

    /// The next answer to a request that gets no body: `HEAD`.
    #[track_caller]
    pub(crate) fn head(&mut self) -> RawAnswer {
        const END: &[u8] = b"\r\n\r\n";
        let found = |unread: &[u8]| unread.windows(END.len()).position(|bytes| bytes == END);
        self.until(|unread| found(unread).is_some());
        let end = found(&self.unread).expect("was waited for") + END.len();
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("is ASCII");
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| head.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("not an answer: {head}"));
        RawAnswer {
            status,
            head,
            body: vec![],
        }
    }

    /// The next answer's status, or nothing if the other side closes.
    pub(crate) fn try_answer(&mut self) -> Option<u16> {
        let mut start = [0; 12];
        self.stream.read_exact(&mut start).ok()?;
        std::str::from_utf8(&start[9..]).ok()?.parse().ok()
    }

    /// Asserts that nothing comes for that long.
    #[track_caller]
    pub(crate) fn is_silent(&mut self, time: Duration) {
        self.stream.wait_at_most(time);
        let read = loop {
            match self.stream.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.stream.wait_at_most(PATIENCE);
        let error = read.expect_err("is silent").kind();
        assert_eq!(error, ErrorKind::WouldBlock, "is silent");
    }

    /// Asserts that the other side closes now without another byte, and returns how long it took.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> Duration {
        let began = Instant::now();
        let mut rest = std::mem::take(&mut self.unread);
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("not closed: {error}"),
        }
        assert_eq!(String::from_utf8_lossy(&rest), "", "there was more");
        began.elapsed()
    }

    #[track_caller]
    fn until(&mut self, done: impl Fn(&[u8]) -> bool) {
        let mut buffer = [0; 4096];
        while !done(&self.unread) {
            let count = match self.stream.read(&mut buffer) {
                // A read with a time-out is not restarted after the machine was stopped for a
                // moment (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.expect("answers in time"),
            };
            let sofar = || String::from_utf8_lossy(&self.unread).into_owned();
            assert_ne!(count, 0, "closed after {:?}", sofar());
            self.unread.extend_from_slice(&buffer[..count]);
        }
    }
}

/// One request on a connection of its own; the whole answer, and whether the connection was
/// closed after it.
#[track_caller]
pub(crate) fn ask(address: &str, request: impl AsRef<[u8]>) -> RawAnswer {
    let mut raw = Raw::connect(address);
    raw.send(request);
    raw.answer()
}

/// The same for a request after which the connection must be closed.
#[track_caller]
pub(crate) fn ask_last(address: &str, request: impl AsRef<[u8]>) -> RawAnswer {
    let mut raw = Raw::connect(address);
    raw.send(request);
    let answer = raw.answer();
    raw.is_closed();
    answer
}

/// A plain `GET` for HTTP/1.1.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A login with this body length declared.
pub(crate) fn login_head(length: usize) -> String {
    format!(
        "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// A whole login.
pub(crate) fn login(email: &str, password: &str) -> String {
    let body = serde_json::json!({"email": email, "password": password}).to_string();
    login_head(body.len()) + &body
}

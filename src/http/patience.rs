//! A connection that does not wait for ever: for a request's header, for a client that takes
//! nothing of its answer, for a refused client to see why.
//!
//! hyper has one time-out for a rest and the header after it, and makes a timer for each request.
//! Here they are two, and a busy connection never touches a timer.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::StatusCode;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep, sleep_until};

use super::unparsed;

/// What a connection is doing, shared between its stream and its service.
#[derive(Clone)]
pub(super) struct Phase(Arc<AtomicU8>);

/// Waiting for a request's first byte.
const RESTING: u8 = 0;
/// A header is coming in.
const HEADER: u8 = 1;
/// A request is being answered.
const ANSWERING: u8 = 2;
/// An answer is on its way out.
const SENDING: u8 = 3;
/// The last answer is on its way out; the client may still be sending.
const ENDING: u8 = 4;

/// For a client to see the last answer while it is still sending: closing at once would make its
/// system throw the answer away.
const LINGER: Duration = Duration::from_secs(1);

impl Phase {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(RESTING)))
    }

    /// A header is complete.
    pub(super) fn answering(&self) {
        self.set(ANSWERING);
    }

    /// There is an answer.
    pub(super) fn answered(&self, is_last: bool) {
        self.set(if is_last { ENDING } else { SENDING });
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// How long a connection waits, for what.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Between an answer and the next request's first byte.
    pub(super) rest: Duration,
    /// From a request's first byte to the end of its header.
    pub(super) header: Duration,
    /// For the client to take some of an answer.
    pub(super) write: Duration,
}

/// A stream that fails when the client takes too long. `R` words the answer to what is no request.
pub(super) struct Patient<S, R> {
    stream: S,
    limits: Limits,
    phase: Phase,
    refuse: R,
    /// When the present rest or header began.
    began: Instant,
    /// Wakes a resting connection; kept from rest to rest, and set anew only when it goes off.
    rest_timer: Option<Timer>,
    /// Exists only for a header that did not come in one piece.
    header_timer: Option<Timer>,
    /// Exists only while the client takes nothing.
    write_timer: Option<Timer>,
    /// Exists only while the last answer is left to be seen.
    linger_timer: Option<Timer>,
    /// What is sent in place of hyper's words, and how much of it was.
    instead: Option<(Vec<u8>, usize)>,
}

type Timer = Pin<Box<Sleep>>;

impl<S, R> Patient<S, R> {
    pub(super) fn new(stream: S, limits: Limits, phase: Phase, refuse: R) -> Self {
        Self {
            stream,
            limits,
            phase,
            refuse,
            began: Instant::now(),
            rest_timer: None,
            header_timer: None,
            write_timer: None,
            linger_timer: None,
            instead: None,
        }
    }

    /// Bytes came in: if they are a request's first, its time begins.
    fn note_arrival(&mut self) {
        if self.phase.is(RESTING) {
            self.phase.set(HEADER);
            self.began = Instant::now();
            self.header_timer = None;
        }
    }

    /// No bytes are there: that may go on until the time of the rest or the header is over. The
    /// end of a rest looks to hyper as if the client had closed.
    fn wait_for_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.phase.is(HEADER) {
            ready!(self.poll_rest(cx));
            return Poll::Ready(Ok(()));
        }
        let deadline = self.began + self.limits.header;
        ready!(poll_timer(&mut self.header_timer, deadline, cx));
        Poll::Ready(Err(timed_out("a header took too long")))
    }

    /// While a request is answered, its rest has yet to begin; but hyper may not ask again before
    /// bytes or this timer wake it.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.phase.is(RESTING) {
            self.began = Instant::now();
        }
        let deadline = self.began + self.limits.rest;
        loop {
            ready!(poll_timer(&mut self.rest_timer, deadline, cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            // It was set for an earlier rest.
            self.rest_timer = None;
        }
    }

    /// Nothing could be sent: that may go on until the time is over. Each byte sent begins anew.
    fn wait_for_client(
        &mut self,
        sent: Poll<Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize>> {
        if sent.is_ready() {
            self.write_timer = None;
            return sent;
        }
        let deadline = Instant::now() + self.limits.write;
        ready!(poll_timer(&mut self.write_timer, deadline, cx));
        Poll::Ready(Err(timed_out("the client does not take its answer")))
    }
}

impl<S: Write + Unpin, R: Fn(StatusCode) -> Vec<u8>> Patient<S, R> {
    /// Sends our words in place of hyper's, if these are a refusal of its own.
    fn send(&mut self, bufs: &[IoSlice<'_>], cx: &mut Context<'_>) -> Poll<Result<usize>> {
        if (self.phase.is(RESTING) || self.phase.is(HEADER))
            && let Some(status) = unparsed::refusal(bufs)
        {
            self.instead = Some(((self.refuse)(status), 0));
            self.phase.set(ENDING);
        }
        let Some((words, done)) = &mut self.instead else {
            return match bufs {
                [only] => Pin::new(&mut self.stream).poll_write(cx, only),
                several => Pin::new(&mut self.stream).poll_write_vectored(cx, several),
            };
        };
        while *done < words.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &words[*done..]))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                count => *done += count,
            }
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }
}

impl<S: Read + Unpin, R> Patient<S, R> {
    /// Throws away what the client still sends, until it has closed or the time is over.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let deadline = Instant::now() + LINGER;
        while poll_timer(&mut self.linger_timer, deadline, cx).is_pending() {
            let mut thrown_away = [0; 4096];
            let mut buffer = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled()));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Polls the timer, which is begun if there is none.
fn poll_timer(timer: &mut Option<Timer>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
    timer
        .get_or_insert_with(|| Box::pin(sleep_until(deadline)))
        .as_mut()
        .poll(cx)
}

fn timed_out(what: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}

impl<S: Read + Unpin, R: Unpin> Read for Patient<S, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        match outcome {
            Poll::Ready(Ok(())) => self.note_arrival(),
            Poll::Pending => return self.wait_for_bytes(cx),
            Poll::Ready(Err(_)) => {}
        }
        outcome
    }
}

impl<S, R> Write for Patient<S, R>
where
    S: Read + Write + Unpin,
    R: Fn(StatusCode) -> Vec<u8> + Unpin,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.phase.is(SENDING) {
            self.phase.set(RESTING);
            self.began = Instant::now();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.linger_timer.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.phase.is(ENDING) {
            return self.linger(cx);
        }
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let sent = self.send(bufs, cx);
        self.wait_for_client(sent, cx)
    }
}

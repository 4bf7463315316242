//! A connection that does not wait for ever: the time-out on a request's header.
//!
//! hyper's own time-out starts when the previous answer is done, so it bounds how long a
//! connection may rest. This one starts with a request's first byte.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a connection is doing, shared between its stream and its service.
#[derive(Clone)]
pub(super) struct Phase(Arc<AtomicU8>);

/// Waiting for a request's first byte.
const RESTING: u8 = 0;
/// A header is coming in.
const HEADER: u8 = 1;
/// A request is being answered.
const ANSWERING: u8 = 2;

impl Phase {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(RESTING)))
    }

    /// A header is complete.
    pub(super) fn answering(&self) {
        self.0.store(ANSWERING, Ordering::Relaxed);
    }

    /// An answer is on its way; the next byte begins a new request.
    pub(super) fn answered(&self) {
        self.0.store(RESTING, Ordering::Relaxed);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }
}

/// A stream that fails when a request's header does not arrive in time.
pub(super) struct Patient<S> {
    stream: S,
    limit: Duration,
    phase: Phase,
    header_began: Instant,
    /// Exists only for a header that did not come in one piece.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, limit: Duration, phase: Phase) -> Self {
        Self {
            stream,
            limit,
            phase,
            header_began: Instant::now(),
            timer: None,
        }
    }

    /// Bytes came in: if they are a request's first, its time begins.
    fn note_arrival(&mut self) {
        if self.phase.is(RESTING) {
            self.phase.0.store(HEADER, Ordering::Relaxed);
            self.header_began = Instant::now();
            self.timer = None;
        }
    }

    /// No bytes are there: within a header, that may go on until its time is over.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.phase.is(HEADER) {
            return Poll::Pending;
        }
        let deadline = self.header_began + self.limit;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(
            ErrorKind::TimedOut,
            "a header took too long",
        )))
    }
}

impl<S: Read + Unpin> Read for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        match outcome {
            Poll::Ready(Ok(())) => self.note_arrival(),
            Poll::Pending => return self.wait(cx),
            Poll::Ready(Err(_)) => {}
        }
        outcome
    }
}

impl<S: Write + Unpin> Write for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

//! What goes back to the caller, to its end: the log's line is written when the last of it is gone.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::HeaderMap;
use tonic::{Code, Status};

use super::calls::Call;
use super::record::Record;
use super::status;

/// Done when a stream must end, with the reason.
pub(super) type End = Pin<Box<dyn Future<Output = Status> + Send>>;

/// An answer on its way.
pub(super) struct AnswerBody {
    inner: tonic::body::Body,
    end: Option<End>,
    /// Until it is written.
    record: Option<Record>,
    is_over: bool,
    /// Under way until this is dropped.
    _call: Call,
}

impl AnswerBody {
    pub(super) fn new(
        inner: tonic::body::Body,
        end: Option<End>,
        record: Option<Record>,
        call: Call,
    ) -> Self {
        Self {
            inner,
            end,
            record,
            is_over: false,
            _call: call,
        }
    }

    fn note(&mut self, code: Code) {
        if let Some(record) = self.record.take() {
            record.finish(code);
        }
    }

    /// The stream's last words.
    fn close(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.is_over = true;
        self.note(status.code());
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let ended = self.end.as_mut().map(|end| end.as_mut().poll(cx));
        if let Some(Poll::Ready(status)) = ended {
            return Poll::Ready(Some(self.close(&status)));
        }
        let mut frame = Pin::new(&mut self.inner).poll_frame(cx);
        match &mut frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(code) = frame.trailers_mut().and_then(status::canonical) {
                    self.note(code);
                }
            }
            Poll::Ready(Some(Err(status))) => self.note(status.code()),
            Poll::Ready(None) => self.note(Code::Ok),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

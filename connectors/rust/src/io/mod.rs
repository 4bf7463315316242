//! What a way of asking must do; there is one for threads and one for tasks, and all else is written once.

#[cfg(feature = "async")]
mod hyper;
#[cfg(feature = "blocking")]
mod ureq;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use http::{Request, Response};

use crate::error::Trouble;

#[cfg(feature = "async")]
pub(crate) use self::hyper::HyperIo;
#[cfg(feature = "blocking")]
pub(crate) use self::ureq::UreqIo;

/// A question to authd.
pub(crate) struct Question {
    pub(crate) request: Request<String>,
    /// For how long authd was asked to wait.
    pub(crate) wait: Duration,
    /// Bytes of the answer at most.
    pub(crate) limit: u64,
}

/// A whole answer.
pub(crate) type Answer = Response<Vec<u8>>;

/// A way of asking.
pub(crate) trait Io: Send + Sync + 'static {
    /// Asks within the time and the limit, and follows nobody elsewhere.
    async fn ask(&self, question: &Question) -> Result<Answer, Trouble>;

    /// Does this while nobody else does such a thing.
    async fn alone(&self, work: impl Future<Output = ()>);

    /// The same, or nothing if somebody is at it.
    async fn alone_if_free(&self, work: impl Future<Output = ()>);

    /// Waits.
    async fn pause(&self, time: Duration);
}

/// Waits on this thread for a future. Those of [`crate::blocking`] are ready at the first look.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

//! A verifier of either kind, asked in the same way.

use std::sync::{Arc, OnceLock};

use authd_client::{
    FollowError, Settings, StartError, UserMirror, Verification, Verifier, VerifyError, blocking,
};
use tokio::runtime::Runtime;

/// The two ways to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Threads,
    Tasks,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Threads, Kind::Tasks];

#[derive(Clone)]
pub(crate) enum Either {
    Threads(blocking::Verifier),
    Tasks(Verifier),
}

/// Of all tests: pools and tasks live on it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("starts a runtime"))
}

impl Either {
    pub(crate) fn start(kind: Kind, settings: Settings) -> Result<Self, StartError> {
        match kind {
            Kind::Threads => blocking::Verifier::start(settings).map(Self::Threads),
            Kind::Tasks => runtime()
                .block_on(Verifier::start(settings))
                .map(Self::Tasks),
        }
    }

    #[track_caller]
    pub(crate) fn new(kind: Kind, settings: Settings) -> Self {
        Self::start(kind, settings).expect("starts")
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Verification>, VerifyError> {
        match self {
            Self::Threads(verifier) => verifier.verify(token),
            Self::Tasks(verifier) => runtime().block_on(verifier.verify(token)),
        }
    }

    pub(crate) fn is_good(&self, token: &str) -> bool {
        self.verify(token).is_ok()
    }

    pub(crate) fn is_refused(&self, token: &str) -> bool {
        matches!(self.verify(token), Err(VerifyError::InvalidToken(_)))
    }

    pub(crate) fn is_unavailable(&self, token: &str) -> bool {
        matches!(self.verify(token), Err(VerifyError::Unavailable(_)))
    }

    pub(crate) fn catch_up(&self, mirror: impl UserMirror) -> Result<(), FollowError> {
        match self {
            Self::Threads(verifier) => {
                // For mirrors that need a runtime.
                let _entered = runtime().enter();
                verifier.follow(mirror).catch_up()
            }
            Self::Tasks(verifier) => runtime().block_on(verifier.follow(mirror).catch_up()),
        }
    }

    /// Follows on this thread, until that ends.
    pub(crate) fn follow_here(&self, mirror: impl UserMirror) -> FollowError {
        match self {
            Self::Threads(verifier) => {
                let _entered = runtime().enter();
                verifier.follow(mirror).run()
            }
            Self::Tasks(verifier) => runtime().block_on(verifier.follow(mirror).run()),
        }
    }

    /// Follows beside the test, for as long as the process lives.
    pub(crate) fn follow(&self, mirror: impl UserMirror + 'static) {
        match self.clone() {
            Self::Threads(verifier) => {
                std::thread::spawn(move || {
                    let _entered = runtime().enter();
                    verifier.follow(mirror).run()
                });
            }
            Self::Tasks(verifier) => {
                runtime().spawn(verifier.follow(mirror).run());
            }
        }
    }
}

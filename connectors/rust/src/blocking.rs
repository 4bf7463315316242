//! For services that wait on threads: the same verifier without a runtime.

#[cfg(feature = "blocking")]
pub use threads::{Follower, Verifier};

/// Waits on this thread for what a mirror does.
///
/// Do not call it on a thread of a runtime that others wait for.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    crate::io::wait(future)
}

#[cfg(feature = "blocking")]
mod threads {
    use std::sync::Arc;

    use crate::answers::Verification;
    use crate::engine::Engine;
    use crate::error::{FollowError, StartError, VerifyError};
    use crate::following::Following;
    use crate::io::{UreqIo, wait};
    use crate::mirror::UserMirror;
    use crate::settings::{Mode, Settings};

    /// Says of bearer tokens whether they are good, and who is behind them. Clones are the same one.
    #[derive(Clone)]
    pub struct Verifier(Arc<Handle>);

    struct Handle(Arc<Engine<UreqIo>>);

    impl Drop for Handle {
        /// The thread ends after the answer that it waits for.
        fn drop(&mut self) {
            self.0.pulse.stop();
        }
    }

    impl Verifier {
        /// Asks authd whether the settings are meant for it, and begins to hear what ended (`cached`).
        ///
        /// An authd that does not answer is no error: requests are refused until it does.
        pub fn start(settings: Settings) -> Result<Self, StartError> {
            let start = Engine::start(settings, |settings| Ok(UreqIo::new(settings)));
            let engine = Arc::new(wait(start)?);
            if engine.settings().mode == Mode::Cached {
                let engine = Arc::clone(&engine);
                let named = std::thread::Builder::new().name("authd-revocations".into());
                let begun = named.spawn(move || wait(engine.follow()));
                begun.map_err(|error| StartError::SetUp(error.to_string()))?;
            }
            Ok(Self(Arc::new(Handle(engine))))
        }

        /// Who is behind the token.
        pub fn verify(&self, token: &str) -> Result<Arc<Verification>, VerifyError> {
            wait(self.0.0.verify(token))
        }

        /// Keeps the rows of a mirror as authd has the accounts; the client needs the scope `users.view`.
        pub fn follow<M: UserMirror>(&self, mirror: M) -> Follower<M> {
            let following = Following::new(Arc::clone(&self.0.0), mirror);
            Follower {
                following,
                _verifier: self.clone(),
            }
        }
    }

    /// Goes through the changes of users, and remembers in the database how far it came.
    pub struct Follower<M> {
        following: Following<UreqIo, M>,
        _verifier: Verifier,
    }

    impl<M: UserMirror> Follower<M> {
        /// Takes all that is new, and ends.
        pub fn catch_up(&mut self) -> Result<(), FollowError> {
            wait(self.following.catch_up())
        }

        /// Follows for ever, and needs nobody to look at what it answers: trouble is logged as an error, once.
        ///
        /// It outlives an authd that is silent, a token that ends early, and a refusal: a client that was disabled
        /// may be enabled again, so it is asked again, at last once in a minute. It ends only where the settings
        /// have no client.
        pub fn run(mut self) -> FollowError {
            wait(self.following.run())
        }
    }
}

//! The verifier for tasks of tokio.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::answers::Verification;
use crate::engine::Engine;
use crate::error::{FollowError, StartError, VerifyError};
use crate::following::Following;
use crate::io::HyperIo;
use crate::mirror::UserMirror;
use crate::settings::{Mode, Settings};

/// Says of bearer tokens whether they are good, and who is behind them. Clones are the same one.
#[derive(Clone)]
pub struct Verifier(Arc<Handle>);

struct Handle {
    engine: Arc<Engine<HyperIo>>,
    feed: Option<JoinHandle<()>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(feed) = &self.feed {
            feed.abort();
        }
    }
}

impl Verifier {
    /// Asks authd whether the settings are meant for it, and begins to hear what ended (`cached`).
    ///
    /// An authd that does not answer is no error: requests are refused until it does. Call it on the runtime
    /// on which the verifier is to live.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let engine = Arc::new(Engine::start(settings, HyperIo::new).await?);
        let feed = (engine.settings().mode == Mode::Cached).then(|| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.follow().await })
        });
        Ok(Self(Arc::new(Handle { engine, feed })))
    }

    /// Who is behind the token.
    pub async fn verify(&self, token: &str) -> Result<Arc<Verification>, VerifyError> {
        self.0.engine.verify(token).await
    }

    /// Keeps the rows of a mirror as authd has the accounts; the client needs the scope `users.view`.
    pub fn follow<M: UserMirror>(&self, mirror: M) -> Follower<M> {
        let following = Following::new(Arc::clone(&self.0.engine), mirror);
        Follower {
            following,
            _verifier: self.clone(),
        }
    }
}

/// Goes through the changes of users, and remembers in the database how far it came.
pub struct Follower<M> {
    following: Following<HyperIo, M>,
    _verifier: Verifier,
}

impl<M: UserMirror> Follower<M> {
    /// Takes all that is new, and ends.
    pub async fn catch_up(&mut self) -> Result<(), FollowError> {
        self.following.catch_up().await
    }

    /// Follows for ever, and needs nobody to look at what it answers: trouble is logged as an error, once.
    ///
    /// It outlives an authd that is silent, a token that ends early, and a refusal: a client that was disabled
    /// may be enabled again, so it is asked again, at last once in a minute. It ends only where the settings
    /// have no client.
    pub async fn run(mut self) -> FollowError {
        self.following.run().await
    }
}

//! Going through the changes of users, and remembering in the database how far one came.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::asking::NoAnswer;
use crate::engine::Engine;
use crate::error::{FollowError, Trouble};
use crate::io::Io;
use crate::mirror::UserMirror;

/// For how long authd is asked to wait for news, and for how long to pause after trouble.
const WAIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_secs(2);
/// The same after many refusals.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(crate) struct Following<I, M> {
    engine: Arc<Engine<I>>,
    mirror: M,
    /// Where it goes on; `None`: the mirror was not asked yet.
    cursor: Option<i64>,
    /// Whether there may be rows of another history, which no page has named.
    is_unsettled: bool,
    /// Whether the last answer was that all begins again.
    is_gone: bool,
}

impl<I: Io, M: UserMirror> Following<I, M> {
    pub(crate) fn new(engine: Arc<Engine<I>>, mirror: M) -> Self {
        Self {
            engine,
            mirror,
            cursor: None,
            is_unsettled: true,
            is_gone: false,
        }
    }

    /// Takes pages until there is nothing new.
    pub(crate) async fn catch_up(&mut self) -> Result<(), FollowError> {
        while !self.step(Duration::ZERO).await? {}
        Ok(())
    }

    /// Follows until it cannot be done at all; what may pass is logged, and it goes on.
    pub(crate) async fn run(&mut self) -> FollowError {
        let (mut told, mut refusals) = (None, 0);
        loop {
            let Err(error) = self.step(WAIT).await else {
                if told.take().is_some() {
                    tracing::warn!("the rows follow authd again");
                }
                refusals = 0;
                continue;
            };
            // Each kind of trouble once: whoever has started this may never look at what it answers.
            let kind = Some(mem::discriminant(&error));
            if told != kind {
                tracing::error!("the rows do not follow authd: {error}");
            }
            told = kind;
            let pause = match error {
                FollowError::NoClient => return error,
                FollowError::Refused(_) => {
                    refusals += 1;
                    LONGEST_PAUSE.min(PAUSE * 2_u32.pow(refusals.min(5)))
                }
                FollowError::Unavailable(_) | FollowError::Mirror(_) => PAUSE,
            };
            self.engine.asker.io.pause(pause).await;
        }
    }

    /// Takes one page; says whether there was no more.
    async fn step(&mut self, wait: Duration) -> Result<bool, FollowError> {
        let settings = self.engine.settings();
        if settings.client.is_none() {
            return Err(FollowError::NoClient);
        }
        let known = match self.cursor {
            Some(cursor) => Some(cursor),
            None => self.mirror.cursor(&settings.issuer).await?,
        };
        let since = known.unwrap_or(0);
        match self.engine.asker.user_changes(since, wait).await {
            Ok(page) => {
                self.is_gone = false;
                if known.is_none() {
                    // The first time, or since somebody has deleted the cursor: after a restored backup, whose versions
                    // may have grown beyond it, authd cannot tell.
                    self.mirror.begin_again(&settings.issuer, 0).await?;
                }
                self.mirror.take(&settings.issuer, &page).await?;
                self.cursor = Some(page.cursor);
                if self.is_unsettled && !page.more {
                    self.mirror.settle().await?;
                    self.is_unsettled = false;
                }
                Ok(!page.more)
            }
            Err(NoAnswer::Gone(_)) if self.is_gone => {
                let trouble = Trouble::NotOurs("where it says to begin is nothing, either");
                Err(FollowError::Unavailable(trouble))
            }
            Err(NoAnswer::Gone(cursor)) => {
                // Another history, as after a restored backup: what the rows know means nothing any more.
                tracing::warn!(
                    "authd has another history than the rows: all accounts are read anew"
                );
                self.is_gone = true;
                self.mirror.begin_again(&settings.issuer, cursor).await?;
                (self.cursor, self.is_unsettled) = (Some(cursor), true);
                Ok(false)
            }
            Err(NoAnswer::Refused(code)) => Err(FollowError::Refused(code)),
            Err(NoAnswer::Trouble(trouble)) => Err(FollowError::Unavailable(trouble)),
        }
    }
}

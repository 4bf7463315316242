//! Going through the changes of users, and remembering in the database how far one came.

use std::sync::Arc;
use std::time::Duration;

use crate::asking::NoAnswer;
use crate::engine::Engine;
use crate::error::FollowError;
use crate::io::Io;
use crate::mirror::UserMirror;

/// For how long authd is asked to wait for news, and for how long to pause after trouble.
const WAIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) struct Following<I, M> {
    engine: Arc<Engine<I>>,
    mirror: M,
    /// Where it goes on; `None`: the mirror was not asked yet.
    cursor: Option<i64>,
    /// Whether there may be rows of another history, which no page has named.
    is_unsettled: bool,
}

impl<I: Io, M: UserMirror> Following<I, M> {
    pub(crate) fn new(engine: Arc<Engine<I>>, mirror: M) -> Self {
        Self {
            engine,
            mirror,
            cursor: None,
            is_unsettled: true,
        }
    }

    /// Takes pages until there is nothing new.
    pub(crate) async fn catch_up(&mut self) -> Result<(), FollowError> {
        while !self.step(Duration::ZERO).await? {}
        Ok(())
    }

    /// Follows until it cannot be done at all; trouble that may pass is logged, and it goes on.
    pub(crate) async fn run(&mut self) -> FollowError {
        let mut is_told = false;
        loop {
            match self.step(WAIT).await {
                Ok(_) => is_told = false,
                Err(error @ (FollowError::NoClient | FollowError::Refused(_))) => return error,
                Err(error) => {
                    if !is_told {
                        tracing::error!("the rows do not follow authd at the moment: {error}");
                    }
                    is_told = true;
                    self.engine.asker.io.pause(PAUSE).await;
                }
            }
        }
    }

    /// Takes one page; says whether there was no more.
    async fn step(&mut self, wait: Duration) -> Result<bool, FollowError> {
        let settings = self.engine.settings();
        if settings.client.is_none() {
            return Err(FollowError::NoClient);
        }
        let since = match self.cursor {
            Some(cursor) => cursor,
            None => self.mirror.cursor(&settings.issuer).await?.unwrap_or(0),
        };
        match self.engine.asker.user_changes(since, wait).await {
            Ok(page) => {
                self.mirror.take(&settings.issuer, &page).await?;
                self.cursor = Some(page.cursor);
                if self.is_unsettled && !page.more {
                    self.mirror.settle().await?;
                    self.is_unsettled = false;
                }
                Ok(!page.more)
            }
            Err(NoAnswer::Gone(cursor)) => {
                // Another history, as after a restored backup: what the rows know means nothing any more.
                self.mirror.begin_again(&settings.issuer, cursor).await?;
                (self.cursor, self.is_unsettled) = (Some(cursor), true);
                Ok(false)
            }
            Err(NoAnswer::Refused(code)) => Err(FollowError::Refused(code)),
            Err(NoAnswer::Trouble(trouble)) => Err(FollowError::Unavailable(trouble)),
        }
    }
}

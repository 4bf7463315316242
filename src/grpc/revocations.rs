//! The stream of what ended, for callers that keep verdicts.

use std::time::Duration;

use tokio::sync::mpsc::{self, Sender};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Extensions, Status};

use super::caller::{self, Shown};
use super::proto::authd::v1 as proto;
use super::reads::Reads;
use super::status::Failure;
use crate::domain::client::ClientId;
use crate::service::Services;
use crate::service::feed::{self, FeedError, Page};
use crate::service::listeners::{Listener, TooMany};
use crate::store::changes::{Change, Kind};

/// How often the database is asked for news: what another program commits, nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A message without news after so long; the caller's credentials are looked at again then.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// What the caller hears.
pub(super) type News = ReceiverStream<Result<proto::Revocations, Status>>;

/// Where a cursor stands when there is none to go on from.
const CURSOR: &str = "authd-cursor";

/// Tells a client what came after the cursor, and then what happens.
pub(super) async fn watch(
    reads: &Reads,
    extensions: Extensions,
    shown: Shown,
    since: Option<i64>,
) -> Result<News, Status> {
    let mut watcher = Watcher {
        reads: reads.clone(),
        extensions,
        shown,
        client: None,
        place: None,
    };
    watcher.look_at_caller().await?;
    watcher.take_place().await?;
    let first = watcher.page(since).await?;
    let (tell, news) = mpsc::channel(1);
    tokio::spawn(watcher.go_on(first, tell));
    Ok(ReceiverStream::new(news))
}

/// One caller that listens.
struct Watcher {
    reads: Reads,
    extensions: Extensions,
    shown: Shown,
    client: Option<ClientId>,
    /// Among those who listen on behalf of the client.
    place: Option<Listener>,
}

impl Watcher {
    /// Until the caller has gone, or there is something wrong, which it is told.
    async fn go_on(mut self, first: Page, tell: Sender<Result<proto::Revocations, Status>>) {
        let told = tokio::select! {
            () = tell.closed() => return,
            told = self.tell_all(first, &tell) => told,
        };
        if let Err(status) = told {
            // It has gone in this moment.
            let _ = tell.send(Err(status)).await;
        }
    }

    async fn tell_all(
        &mut self,
        first: Page,
        tell: &Sender<Result<proto::Revocations, Status>>,
    ) -> Result<(), Status> {
        let mut page = first;
        loop {
            let (cursor, more) = (page.cursor, page.more);
            if page
                .changes
                .iter()
                .any(|change| self.is_about_caller(change))
            {
                self.look_at_caller().await?;
            }
            if tell.send(Ok(page.into())).await.is_err() {
                return Ok(());
            }
            page = if more {
                self.page(Some(cursor)).await?
            } else {
                self.next(cursor).await?
            };
        }
    }

    /// The next changes, or none if there are none for a while.
    async fn next(&mut self, cursor: i64) -> Result<Page, Status> {
        let until = Instant::now() + SIGN_OF_LIFE;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let page = self.page(Some(cursor)).await?;
            if !page.changes.is_empty() {
                return Ok(page);
            }
            if Instant::now() >= until {
                self.look_at_caller().await?;
                return Ok(page);
            }
        }
    }

    async fn page(&self, since: Option<i64>) -> Result<Page, Status> {
        let read = move |services: &Services| {
            Ok(match since {
                None => feed::start(&services.store)?,
                Some(cursor) => feed::after(services, cursor)?,
            })
        };
        self.reads.short(&self.extensions, read).await
    }

    /// Whether the caller may still listen.
    async fn look_at_caller(&mut self) -> Result<(), Status> {
        let shown = self.shown.clone();
        let read = move |services: &Services| caller::client(services, &shown);
        let client = self.reads.short(&self.extensions, read).await?;
        self.client = Some(client.id);
        Ok(())
    }

    /// A client has so many places, and no more on however many connections.
    async fn take_place(&mut self) -> Result<(), Status> {
        let Some(client) = self.client.clone() else {
            return Ok(());
        };
        let enter = move |services: &Services| Ok(feed::listen(services, client)?);
        self.place = Some(self.reads.short(&self.extensions, enter).await?);
        Ok(())
    }

    fn is_about_caller(&self, change: &Change) -> bool {
        let own = self.client.as_ref().map(ClientId::as_str);
        match change.kind {
            Kind::Client => own == Some(change.id.as_str()),
            // It may be the caller's token, or its key.
            Kind::Token | Kind::Key => matches!(self.shown, Shown::Bearer(_)),
            Kind::User | Kind::Session => false,
        }
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Gone { cursor } => {
                let mut metadata = MetadataMap::new();
                metadata.insert(CURSOR, MetadataValue::from(cursor));
                let text = "What came after the cursor is not known here: drop what you keep.";
                Status::with_metadata(Code::FailedPrecondition, text, metadata).into()
            }
            FeedError::TooMany(error) => error.into(),
            FeedError::Store(error) => error.into(),
        }
    }
}

impl From<TooMany> for Failure {
    fn from(_: TooMany) -> Self {
        Status::resource_exhausted("Too many calls of yours listen already: end one of them first.")
            .into()
    }
}

impl From<Page> for proto::Revocations {
    fn from(page: Page) -> Self {
        Self {
            changes: page.changes.into_iter().map(Into::into).collect(),
            cursor: page.cursor,
        }
    }
}

impl From<Change> for proto::Change {
    fn from(change: Change) -> Self {
        use proto::change::Kind as Told;
        let kind = match change.kind {
            Kind::User => Told::User,
            Kind::Session => Told::Session,
            Kind::Token => Told::Token,
            Kind::Key => Told::Key,
            Kind::Client => Told::Client,
        };
        Self {
            version: change.version,
            kind: kind.into(),
            id: change.id,
        }
    }
}

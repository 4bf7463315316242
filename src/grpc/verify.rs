//! `authd.v1.AuthService`: is this token good, and who is behind it right now?

use prost_types::Timestamp;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::proto::authd::v1 as proto;
use super::proto::authd::v1::auth_service_server::AuthService;
use super::reads::Reads;
use super::revocations;
use super::{caller, introspect};
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::service::Services;
use crate::service::verification::{self, Principal, Refusal, Verification};
use crate::tokens::{authorization, jws};

/// Tokens that one call may ask about.
const MAX_TOKENS: usize = 256;

/// A message with as many tokens as there may be, each as long as it may be, with its tag and
/// length.
pub(super) const MAX_BATCH_BYTES: usize = MAX_TOKENS * (jws::MAX_TOKEN_BYTES + 8);

/// The service.
pub(super) struct Auth {
    pub(super) reads: Reads,
}

#[tonic::async_trait]
impl AuthService for Auth {
    async fn verify(
        &self,
        request: Request<proto::VerifyRequest>,
    ) -> Result<Response<proto::Verification>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let token = one_token(&metadata, message.token)?;
        let read = move |services: &Services| Ok(verification::verify(services, &token)?.into());
        Ok(Response::new(self.reads.short(&extensions, read).await?))
    }

    async fn batch_verify(
        &self,
        request: Request<proto::BatchVerifyRequest>,
    ) -> Result<Response<proto::BatchVerifyResponse>, Status> {
        let (_, extensions, message) = request.into_parts();
        let tokens = message.tokens;
        if tokens.len() > MAX_TOKENS {
            let text = format!("A call may ask about {MAX_TOKENS} tokens at most.");
            return Err(Status::invalid_argument(text));
        }
        let read = move |services: &Services| {
            let verdicts = verification::verify_all(services, &tokens)?;
            let results = verdicts.into_iter().map(verdict).collect();
            Ok(proto::BatchVerifyResponse { results })
        };
        Ok(Response::new(self.reads.long(&extensions, read).await?))
    }

    async fn introspect(
        &self,
        request: Request<proto::IntrospectRequest>,
    ) -> Result<Response<proto::Introspection>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let shown = caller::shown(&metadata)?;
        if message.token.is_empty() {
            return Err(Status::invalid_argument("Send the token to look at."));
        }
        let read = move |services: &Services| {
            let client = caller::client(services, &shown)?;
            introspect::look(services, &client, &message.token)
        };
        Ok(Response::new(self.reads.short(&extensions, read).await?))
    }

    type WatchRevocationsStream = revocations::News;

    async fn watch_revocations(
        &self,
        request: Request<proto::WatchRevocationsRequest>,
    ) -> Result<Response<revocations::News>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let caller = caller::shown(&metadata)?;
        let news = revocations::watch(&self.reads, extensions, caller, message.since).await?;
        Ok(Response::new(news))
    }
}

/// A token that is refused is a result like another.
fn verdict(verdict: Result<Verification, Refusal>) -> proto::Verification {
    verdict.map_or_else(|_| proto::Verification::default(), Into::into)
}

/// The one token of a call: in its message, or in its metadata.
fn one_token(metadata: &MetadataMap, message: String) -> Result<String, Status> {
    let malformed = || {
        Status::invalid_argument(
            "Send exactly one token: in the message, or as 'authorization: Bearer ...'.",
        )
    };
    let credentials = caller::credentials(metadata).map_err(|_| malformed())?;
    let in_metadata = match credentials {
        None => None,
        Some(value) => authorization::bearer(value).map_err(|_| malformed())?,
    };
    match (in_metadata, message.is_empty()) {
        (None, false) => Ok(message),
        (Some(token), true) => Ok(token.to_owned()),
        (Some(_), false) => Err(malformed()),
        (None, true) => Err(Status::unauthenticated(
            "Send a token: in the message, or as 'authorization: Bearer ...'.",
        )),
    }
}

impl From<Verification> for proto::Verification {
    fn from(verification: Verification) -> Self {
        let version = verification.principal.version();
        let permissions = verification.principal.user().map(introspect::permissions);
        let (user, client) = match &verification.principal {
            Principal::User(user) => (Some(user.as_ref().into()), None),
            Principal::Client(client) => (None, Some(client.as_ref().into())),
        };
        Self {
            active: true,
            user,
            client,
            claims_json: verification.claims.payload.get().to_owned(),
            version,
            max_age_secs: verification.max_age_secs,
            permissions: permissions.unwrap_or_default(),
        }
    }
}

impl From<&User> for proto::User {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            first_name: user.first_name.to_string(),
            last_name: user.last_name.to_string(),
            phone_number: user.phone_number.as_ref().map(ToString::to_string),
            is_active: user.is_active,
            is_staff: user.is_staff,
            is_superuser: user.is_superuser,
            groups: user.groups.clone(),
            fields_json: serde_json::json!(user.fields).to_string(),
            date_joined: Some(moment(user.date_joined)),
            last_login: user.last_login.map(moment),
            version: user.version,
            external_id: user.external_id.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Client> for proto::Client {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name.clone(),
            scopes: client.scopes.words().map(str::to_owned).collect(),
            audiences: client.audiences.iter().map(ToString::to_string).collect(),
            is_active: client.is_active,
            created_at: Some(moment(client.created_at)),
            version: client.version,
        }
    }
}

fn moment(time: jiff::Timestamp) -> Timestamp {
    Timestamp {
        seconds: time.as_second(),
        nanos: time.subsec_nanosecond(),
    }
}

//! The caller of a request as an argument of axum's handlers.

use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use super::refusal::Refusal;
use super::tower::token_of;
use crate::answers::{User, Verification};
use crate::tasks::Verifier;

/// Whoever sent a good token: a user, or a client by itself. The router's state has a [`Verifier`].
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<Verification>);

/// A user who sent a good token; clients by themselves are refused with 403.
#[derive(Clone, Debug)]
pub struct SignedIn(Arc<Verification>);

impl SignedIn {
    /// What is known of the token.
    pub fn verification(&self) -> &Verification {
        &self.0
    }
}

impl Deref for SignedIn {
    type Target = User;

    fn deref(&self) -> &User {
        self.0.user.as_ref().expect("it was made of a user's token")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        // A layer may have done it.
        if let Some(found) = parts.extensions.get::<Arc<Verification>>() {
            return Ok(Self(Arc::clone(found)));
        }
        let token = token_of(&parts.headers)?;
        let found = Verifier::from_ref(state).verify(token).await?;
        parts.extensions.insert(Arc::clone(&found));
        Ok(Self(found))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    Verifier: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Caller(found) = Caller::from_request_parts(parts, state).await?;
        let is_user = found.user.is_some();
        is_user.then_some(Self(found)).ok_or(Refusal::Forbidden)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.response()
    }
}

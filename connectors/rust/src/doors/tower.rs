//! A layer that lets nobody through without a good token.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::refusal::Refusal;
use crate::answers::Verification;
use crate::tasks::Verifier;
use crate::token::bearer;

/// Verifies the bearer token of each request. The request's extensions then hold an `Arc<Verification>`.
#[derive(Clone)]
#[must_use]
pub struct AuthdLayer {
    verifier: Verifier,
    needs: Arc<Needs>,
}

#[derive(Clone, Default)]
struct Needs {
    is_optional: bool,
    scopes: Vec<String>,
    permissions: Vec<String>,
    groups: Vec<String>,
}

impl AuthdLayer {
    /// One that asks this verifier.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            needs: Arc::default(),
        }
    }

    /// Lets requests without a bearer token through, without a verification. Bad tokens are refused all the same.
    pub fn optional(self) -> Self {
        self.needing(|needs| needs.is_optional = true)
    }

    /// Refuses tokens that have not this scope.
    pub fn scope(self, name: impl Into<String>) -> Self {
        self.needing(|needs| needs.scopes.push(name.into()))
    }

    /// Refuses whoever may not do this.
    pub fn permission(self, name: impl Into<String>) -> Self {
        self.needing(|needs| needs.permissions.push(name.into()))
    }

    /// Refuses whoever is not in this group.
    pub fn group(self, name: impl Into<String>) -> Self {
        self.needing(|needs| needs.groups.push(name.into()))
    }

    fn needing(mut self, change: impl FnOnce(&mut Needs)) -> Self {
        change(Arc::make_mut(&mut self.needs));
        self
    }
}

impl Needs {
    fn check(&self, found: &Verification) -> Result<(), Refusal> {
        if let Some(scope) = self.scopes.iter().find(|one| !found.has_scope(one)) {
            return Err(Refusal::InsufficientScope(scope.clone()));
        }
        let may_all = self.permissions.iter().all(|one| found.has_permission(one));
        let is_in_all = self.groups.iter().all(|one| found.is_in_group(one));
        (may_all && is_in_all)
            .then_some(())
            .ok_or(Refusal::Forbidden)
    }
}

/// The token of a request: of exactly one header.
pub(super) fn token_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Refusal::NoToken);
    };
    let is_alone = values.next().is_none();
    let text = value
        .to_str()
        .ok()
        .filter(|_| is_alone)
        .ok_or(Refusal::InvalidToken)?;
    bearer(text).ok_or(Refusal::NoToken)
}

impl<S> Layer<S> for AuthdLayer {
    type Service = AuthdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthdService {
            inner,
            layer: self.clone(),
        }
    }
}

/// What [`AuthdLayer`] makes of a service.
#[derive(Clone)]
pub struct AuthdService<S> {
    inner: S,
    layer: AuthdLayer,
}

impl<S, B, R> Service<Request<B>> for AuthdService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that is ready goes with the request; its copy has to become so.
        let copy = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, copy);
        let layer = self.layer.clone();
        Box::pin(async move {
            match admit(&layer, request.headers()).await {
                Ok(found) => {
                    if let Some(found) = found {
                        request.extensions_mut().insert(found);
                    }
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.response()),
            }
        })
    }
}

async fn admit(
    layer: &AuthdLayer,
    headers: &HeaderMap,
) -> Result<Option<Arc<Verification>>, Refusal> {
    let token = match token_of(headers) {
        Err(Refusal::NoToken) if layer.needs.is_optional => return Ok(None),
        other => other?,
    };
    let found = layer.verifier.verify(token).await?;
    layer.needs.check(&found)?;
    Ok(Some(found))
}

//! What a client may know of a token (RFC 7662), as a message.

use super::proto::authd::v1 as proto;
use super::status::Failure;
use crate::domain::client::Client;
use crate::domain::scope::Scope;
use crate::domain::user::User;
use crate::service::Services;
use crate::service::introspection::{self, Active, ActiveRefresh, IntrospectError};
use crate::service::verification::Principal;
use crate::tokens::Claims;
use crate::tokens::claims::Subject;

/// Looks at a token for the client.
pub(super) fn look(
    services: &Services,
    caller: &Client,
    token: &str,
) -> Result<proto::Introspection, Failure> {
    Ok(match introspection::introspect(services, caller, token)? {
        None => proto::Introspection::default(),
        Some(Active::Access { principal, claims }) => of_access(&principal, &claims),
        Some(Active::Refresh(refresh)) => proto::Introspection {
            iss: services.token_rules().issuer.clone(),
            ..of_refresh(*refresh)
        },
    })
}

fn of_access(principal: &Principal, claims: &Claims) -> proto::Introspection {
    let (sub, sid) = match &claims.subject {
        Subject::User { id, session } => (id.to_string(), session.map(|id| id.to_string())),
        Subject::Client(id) => (id.to_string(), None),
    };
    let user = principal.user();
    let client = claims.client.as_ref();
    proto::Introspection {
        active: true,
        scope: words(&claims.scope),
        client_id: client.map(ToString::to_string).unwrap_or_default(),
        username: user.map(|user| user.email.to_string()).unwrap_or_default(),
        token_type: "Bearer".to_owned(),
        exp: Some(claims.expires_at_secs)
            .filter(|end| *end != Claims::NEVER)
            .unwrap_or_default(),
        iat: claims.issued_at_ms.div_euclid(1000),
        sub,
        aud: claims.audience().to_vec(),
        iss: claims.issuer().to_owned(),
        jti: claims.jti.to_string(),
        sid: sid.unwrap_or_default(),
        permissions: user.map(permissions).unwrap_or_default(),
        user: user.map(Into::into),
    }
}

fn of_refresh(refresh: ActiveRefresh) -> proto::Introspection {
    proto::Introspection {
        active: true,
        scope: words(&refresh.scope),
        client_id: refresh.client.to_string(),
        username: refresh.user.email.to_string(),
        exp: refresh.expires_at_secs,
        iat: refresh.given_at_secs,
        sub: refresh.user.id.to_string(),
        sid: refresh.session.to_string(),
        permissions: permissions(&refresh.user),
        user: Some((&refresh.user).into()),
        ..proto::Introspection::default()
    }
}

/// What an account may do.
pub(super) fn permissions(user: &User) -> Vec<String> {
    user.permissions.iter().map(ToString::to_string).collect()
}

fn words(scope: &Scope) -> Vec<String> {
    scope.words().map(str::to_owned).collect()
}

impl From<IntrospectError> for Failure {
    fn from(error: IntrospectError) -> Self {
        match error {
            IntrospectError::Keys(error) => error.into(),
            IntrospectError::Store(error) => error.into(),
        }
    }
}

//! API tokens: no signature, everything about them is in the database.

use jiff::Timestamp;

use super::{Principal, Refusal};
use crate::domain::audience::Audience;
use crate::service::Services;
use crate::store::api_tokens::{self, Holder, Presented};
use crate::store::{Conn, StoreError};
use crate::tokens::claims::{ApiClaims, Subject};
use crate::tokens::{Claims, OpaqueKind, OpaqueToken, TokenError};

/// The token, if the text says it is one; what begins like one and is none is refused.
pub(super) fn parse(text: &str) -> Option<Result<OpaqueToken, Refusal>> {
    text.starts_with(OpaqueKind::Api.prefix())
        .then(|| OpaqueToken::parse(OpaqueKind::Api, text).ok_or(TokenError::Malformed.into()))
}

/// Who is behind a token and what it says, if it is good where things stand. One query.
pub(super) fn judge(
    services: &Services,
    connection: &Conn,
    token: &OpaqueToken,
    now: Timestamp,
) -> Result<Result<(Principal, Claims), Refusal>, StoreError> {
    let found = api_tokens::find(connection, &token.hash())?;
    Ok(found
        .ok_or(TokenError::Malformed.into())
        .and_then(|found| verdict(services, found, now)))
}

fn verdict(
    services: &Services,
    found: Presented,
    now: Timestamp,
) -> Result<(Principal, Claims), Refusal> {
    if found
        .expires_at_secs
        .is_some_and(|end| now.as_second() >= end)
    {
        return Err(TokenError::Expired.into());
    }
    let (principal, subject, client, audience) = match found.holder {
        Holder::User {
            user,
            tokens_valid_after_ms,
        } => {
            if !user.is_active {
                return Err(Refusal::Inactive);
            }
            if tokens_valid_after_ms.is_some_and(|after| found.created_at_ms <= after) {
                return Err(Refusal::Ended);
            }
            let subject = Subject::User {
                id: user.id,
                session: None,
            };
            let audience = vec![services.rules.audience.clone()];
            (Principal::User(user.into()), subject, None, audience)
        }
        Holder::Client(client) => {
            if !client.is_active {
                return Err(Refusal::Inactive);
            }
            let audiences = client.audiences.iter().map(Audience::to_string).collect();
            let id = client.id.clone();
            let subject = Subject::Client(id.clone());
            (
                Principal::Client(client.into()),
                subject,
                Some(id),
                audiences,
            )
        }
    };
    let claims = services.rules.api_claims(ApiClaims {
        subject,
        client,
        audience,
        scope: found.scope,
        jti: found.id.0,
        issued_at_ms: found.created_at_ms,
        expires_at_secs: found.expires_at_secs,
    });
    Ok((principal, claims))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::actor::Actor;
    use crate::domain::scope::Scope;
    use crate::service::accounts::LastSuperuser;
    use crate::service::api_tokens::{self, ApiTokenError, Made, NewApiToken, OwnerRef};
    use crate::service::trial::Trial;
    use crate::service::verification;

    fn make(trial: &Trial, life: Option<SignedDuration>) -> Result<Made, ApiTokenError> {
        let new = NewApiToken {
            owner: OwnerRef::User(trial.ada()),
            name: "test".parse().expect("is a label"),
            scope: "read".parse().expect("is a scope"),
            life,
        };
        let services = &trial.services;
        api_tokens::add(&services.managed_by(Actor::operator("root")), new)
    }

    fn text(trial: &Trial, life: Option<SignedDuration>) -> String {
        let made = make(trial, life).expect("is made");
        made.secret.expose().to_owned()
    }

    #[test]
    fn an_api_token_ends_on_the_second_and_one_without_an_end_does_not() {
        let trial = Trial::new();
        let (short, endless) = (
            text(&trial, Some(SignedDuration::from_secs(60))),
            text(&trial, None),
        );
        trial.clock.advance_secs(59);
        assert_eq!(trial.refusal(&short), None);
        trial.clock.advance_secs(1);
        assert_eq!(trial.refusal(&short), Some(TokenError::Expired.into()));
        trial.clock.advance_secs(100 * 365 * 86_400);
        assert_eq!(trial.refusal(&endless), None);
        let verified = verification::verify(&trial.services, &endless).expect("is good");
        assert_eq!(verified.max_age_secs, 5);
        assert_eq!(verified.claims.scope, "read".parse::<Scope>().expect("is"));
        assert!(!verified.claims.payload.get().contains("exp"));
        let far = make(&trial, Some(SignedDuration::MAX));
        assert!(matches!(far, Err(ApiTokenError::LastsTooLong)));
    }

    /// As for signed tokens: what ends them ends these too, and those made later are good.
    #[test]
    fn a_new_password_and_disabling_end_the_api_tokens_made_until_then() {
        let trial = Trial::new();
        let first = text(&trial, None);
        trial.set_password("violet lantern orbits quartz");
        assert_eq!(trial.refusal(&first), Some(Refusal::Ended));
        trial.clock.advance_secs(1);
        let second = text(&trial, None);
        assert_eq!(trial.refusal(&second), None);
        let disabled = trial.accounts.disable(&trial.ada(), LastSuperuser::Keep);
        disabled.expect("is disabled");
        assert_eq!(trial.refusal(&second), Some(Refusal::Inactive));
        trial.accounts.enable(&trial.ada()).expect("is enabled");
        assert_eq!(trial.refusal(&second), Some(Refusal::Ended));
        // A clock that goes back makes none good again.
        trial.clock.advance_secs(-3600);
        assert_eq!(trial.refusal(&second), Some(Refusal::Ended));
        let deleted = trial.accounts.delete(&trial.ada(), LastSuperuser::Keep);
        deleted.expect("is deleted");
        assert_eq!(trial.refusal(&second), Some(TokenError::Malformed.into()));
    }

    /// One query for a user's token, and none for what is no token.
    #[test]
    fn many_tokens_of_both_kinds_are_judged_together() {
        let trial = Trial::new();
        let tokens = [text(&trial, None), trial.token(), "authd_pat_x".to_owned()];
        let verdicts = verification::verify_all(&trial.services, &tokens).expect("judges");
        let good: Vec<bool> = verdicts.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, true, false]);
    }
}

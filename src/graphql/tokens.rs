//! Logging in, and what comes of it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, maybe_secret, secret};
use super::refusal::Refusal;
use super::users;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::service::grant::Grant;
use crate::service::login::{self, Attempt};
use crate::service::refresh::{self, Exchange};
use crate::service::sessions::{self, Logout};
use crate::service::verification::{self, Principal, Verification};

#[derive(Deserialize)]
struct Login {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

pub(super) fn login(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Login = call.read()?;
    let attempt = Attempt {
        email: &asked.email,
        password: asked.password.expose(),
        origin: call.caller.origin.clone(),
        scope: Scope::default(),
        client: None,
    };
    let grant = login::login(call.services(), attempt)?;
    let address = call.caller.origin.address.map(tracing::field::display);
    tracing::info!(user = %grant.user.id, address, "logged in");
    Ok(pair(&grant))
}

#[derive(Deserialize)]
struct Refresh {
    #[serde(deserialize_with = "secret")]
    refresh_token: Secret<String>,
}

pub(super) fn refresh(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Refresh = call.read()?;
    let exchange = Exchange {
        token: asked.refresh_token.expose(),
        client: None,
        scope: None,
        origin: call.caller.origin.clone(),
    };
    Ok(pair(&refresh::refresh(call.services(), exchange)?))
}

fn pair(grant: &Grant) -> Value {
    json!({
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": grant.expires_in,
        "refresh_token": grant.refresh_token.expose(),
    })
}

#[derive(Deserialize)]
struct Which {
    which: Option<String>,
}

pub(super) fn logout(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Which = call.read()?;
    let which = match asked.which.as_deref() {
        Some("ALL") => Logout::All,
        Some("OTHERS") => Logout::Others,
        _ => Logout::This,
    };
    let token = call.caller.token()?;
    sessions::logout(call.services(), token, which, call.caller.origin.address)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct Verify {
    #[serde(default, deserialize_with = "maybe_secret")]
    token: Option<Secret<String>>,
}

pub(super) fn verify(call: &Call<'_>) -> Result<Value, Refusal> {
    let asked: Verify = call.read()?;
    match asked.token {
        None => verified(call.caller.verification()?),
        Some(token) => verified(&verification::verify(call.services(), token.expose())?),
    }
}

fn verified(verification: &Verification) -> Result<Value, Refusal> {
    let (user, client) = match &verification.principal {
        Principal::User(user) => (Some(user.as_ref()), None),
        Principal::Client(client) => (None, Some(client.id.to_string())),
    };
    Ok(json!({
        "active": true,
        "user": user.map(users::node).transpose()?,
        "client": client,
        "permissions": user.map(|user| user.permissions.as_slice()).unwrap_or_default(),
        "claims": verification.claims.payload,
        "version": verification.principal.version(),
        "max_age": verification.max_age_secs,
    }))
}

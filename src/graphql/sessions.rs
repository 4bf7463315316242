//! Sessions: one's own, and those of others. `logout` is among the tokens.

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, shown};
use super::reasons::no_session;
use super::refusal::Refusal;
use super::users::named;
use crate::domain::session::{Session, SessionId};
use crate::service::sessions;

pub(super) fn own(call: &Call<'_>) -> Result<Value, Refusal> {
    let user = call.caller.user()?;
    let scope = &call.caller.verification()?.claims.scope;
    let current = call.caller.session()?;
    let found = sessions::of_user(call.services(), user.id, scope)?;
    let node = |session: &Session| {
        let mut node = shown(session)?;
        node["is_current"] = (Some(session.id) == current).into();
        Ok(node)
    };
    found.iter().map(node).collect()
}

#[derive(Deserialize)]
struct End {
    id: String,
}

pub(super) fn end_own(call: &Call<'_>) -> Result<Value, Refusal> {
    let user = call.caller.user()?;
    let scope = &call.caller.verification()?.claims.scope;
    let End { id } = call.read()?;
    let id: SessionId = id.parse().map_err(|_| no_session())?;
    let address = call.caller.origin.address;
    sessions::end_own(call.services(), user.id, scope, id, address)?;
    Ok(true.into())
}

#[derive(Deserialize)]
struct Whose {
    user: String,
}

pub(super) fn of_other(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Whose { user } = call.read()?;
    let limit = call.services().session_rules().per_user;
    let found = sessions::of_other(&desk, &named(&user)?, limit)?;
    shown(&found)
}

pub(super) fn end_of_other(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let Whose { user } = call.read()?;
    sessions::end_of_other(&desk, &named(&user)?)?;
    Ok(true.into())
}

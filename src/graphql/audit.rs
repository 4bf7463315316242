//! What was done.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::pages::List;
use super::refusal::{Code, Refusal};
use crate::domain::audit::{Action, Event};
use crate::domain::user::UserRef;
use crate::domain::values::Values;
use crate::service::audit::{self, Wanted};

#[derive(Deserialize)]
struct Asked {
    user: Option<String>,
    action: Option<String>,
    since: Option<String>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let desk = call.caller.desk()?;
    let asked: Asked = call.read()?;
    let list = List::of(call);
    let mut values = Values::default();
    let wanted = Wanted {
        user: values.read::<UserRef>("user", asked.user.as_deref()),
        action: values.read::<Action>("action", asked.action.as_deref()),
        since: values.read::<Timestamp>("since", asked.since.as_deref()),
    };
    values.check()?;
    let after = match list.after()?.map(|place| place.parse()) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => {
            let message = "The argument 'after' is no place in this list.";
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
    };
    let page = audit::list(&desk, &wanted, after, list.limit()?)?;
    let place = |event: &Event| event.number.to_string();
    list.of_shown(&page.events, page.next.is_some(), place)
}

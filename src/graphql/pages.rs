//! Lists, a page at a time: Relay's connections over the pages of the services.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, shown};
use super::refusal::{Code, Refusal};

/// How many a page has at most, and by default.
pub(super) const MOST: u32 = 1000;
pub(super) const USUAL: u32 = 100;

/// Which list it is, besides the page: the field and what it was asked with. A cursor is good for the same
/// list alone.
pub(super) struct List<'c> {
    call: &'c Call<'c>,
    name: String,
}

impl<'c> List<'c> {
    pub(super) fn of(call: &'c Call<'c>) -> Self {
        let mut asked: Vec<(&str, &Value)> = match &call.arguments {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .filter(|(name, value)| !["first", "after"].contains(name) && !value.is_null())
                .collect(),
            _ => Vec::new(),
        };
        asked.sort_by_key(|(name, _)| *name);
        Self {
            call,
            name: format!("graphql {} {}", call.name, json!(asked)),
        }
    }

    /// How many are wanted.
    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        match self.argument("first") {
            None => Ok(USUAL),
            Some(number) => number
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| (1..=MOST).contains(number))
                .ok_or_else(|| refused("first", "a number from 1 to 1000")),
        }
    }

    /// Where the page begins; `None`: at the start.
    pub(super) fn after(&self) -> Result<Option<String>, Refusal> {
        let Some(cursor) = self.argument("after") else {
            return Ok(None);
        };
        let cursors = self.call.services().cursors();
        let place = cursor
            .as_str()
            .and_then(|text| cursors.read(&self.name, text));
        let wrong = || refused("after", "a cursor of an earlier page of the same list");
        place.map(Some).ok_or_else(wrong)
    }

    /// The page, with a cursor for each item's place.
    pub(super) fn connection<T: Serialize>(
        &self,
        items: &[T],
        has_next: bool,
        place: impl Fn(&T) -> String,
        node: impl Fn(&T) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let cursors = self.call.services().cursors();
        let edge = |item| {
            let cursor = cursors.write(&self.name, &place(item));
            Ok(json!({"cursor": cursor, "node": node(item)?}))
        };
        let edges: Vec<Value> = items.iter().map(edge).collect::<Result<_, Refusal>>()?;
        let cursor = |edge: Option<&Value>| edge.map(|edge| edge["cursor"].clone());
        let page = json!({
            "hasNextPage": has_next,
            "hasPreviousPage": self.argument("after").is_some(),
            "startCursor": cursor(edges.first()),
            "endCursor": cursor(edges.last()),
        });
        Ok(json!({"edges": edges, "pageInfo": page}))
    }

    /// The same for what is shown as it is.
    pub(super) fn of_shown<T: Serialize>(
        &self,
        items: &[T],
        has_next: bool,
        place: impl Fn(&T) -> String,
    ) -> Result<Value, Refusal> {
        self.connection(items, has_next, place, |item| shown(item))
    }

    fn argument(&self, name: &str) -> Option<&Value> {
        let found = self.call.arguments.get(name);
        found.filter(|value| !value.is_null())
    }
}

fn refused(name: &'static str, wanted: &str) -> Refusal {
    let message = format!("The argument '{name}' must be {wanted}.");
    Refusal::new(Code::InvalidRequest, message)
}

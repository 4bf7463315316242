//! Who waits for something to happen, so that one caller does not take every place there is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::client::ClientId;
use crate::domain::user::UserId;

/// How many may wait at a time for one client, or one user: a quarter of the places for requests that wait.
pub const PLACES_EACH: u32 = 16;

/// On whose behalf somebody waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Another service.
    Client(ClientId),
    /// A user.
    User(UserId),
}

/// Too many wait already on behalf of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller has too many requests that wait")]
pub struct TooMany;

/// How many wait, on behalf of whom.
#[derive(Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<HashMap<Who, u32>>>);

/// One that waits, until this is dropped.
#[derive(Debug)]
pub struct Listener {
    all: Arc<Mutex<HashMap<Who, u32>>>,
    who: Who,
}

impl Listeners {
    pub(super) fn enter(&self, who: Who) -> Result<Listener, TooMany> {
        let mut all = lock(&self.0);
        let places = all.entry(who.clone()).or_default();
        if *places == PLACES_EACH {
            return Err(TooMany);
        }
        *places += 1;
        drop(all);
        Ok(Listener {
            all: Arc::clone(&self.0),
            who,
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        if let Some(places) = all.get_mut(&self.who) {
            *places -= 1;
            if *places == 0 {
                all.remove(&self.who);
            }
        }
    }
}

fn lock(all: &Mutex<HashMap<Who, u32>>) -> MutexGuard<'_, HashMap<Who, u32>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_places_and_leaves_nothing_behind() {
        let listeners = Listeners::default();
        let client = |name: &str| Who::Client(name.parse().expect("is a name"));
        let enter = |name: &str| listeners.enter(client(name));
        let mut waiting: Vec<Listener> = (0..PLACES_EACH)
            .map(|_| enter("billing").expect("has a place"))
            .collect();
        assert_eq!(enter("billing").expect_err("has none"), TooMany);
        let other = enter("shop").expect("has a place of its own");
        waiting.pop();
        waiting.push(enter("billing").expect("has a place again"));
        assert!(enter("billing").is_err());
        drop((waiting, other));
        assert!(lock(&listeners.0).is_empty());
    }
}

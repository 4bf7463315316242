//! What the edges make of the installation's own fields: a schema, a document. Made anew when they have
//! changed, and not before.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::field::Field;
use crate::store::{Store, StoreError, fields};

/// Made for the first who asks; a daemon that nobody asks so has none.
pub struct MadeOfFields<T>(Mutex<Option<Arc<Current<T>>>>);

struct Current<T> {
    state: fields::State,
    made: Arc<T>,
}

impl<T> MadeOfFields<T> {
    /// That of this moment, on whichever node the fields were changed: one small query. `None`: there are no
    /// fields.
    pub fn current<E: From<StoreError>>(
        &self,
        store: &Store,
        make: impl FnOnce(&[Field]) -> Result<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let state = store.read(fields::state)?;
        if state == fields::State::default() {
            return Ok(None);
        }
        let known = self.lock().clone();
        if let Some(known) = known.filter(|known| known.state == state) {
            return Ok(Some(Arc::clone(&known.made)));
        }
        // The state first: if they change between the two, the next request sees that they have.
        let (state, all) = store.read(|connection| {
            let before = fields::state(connection)?;
            let all = fields::all(connection)?;
            Ok((before, all))
        })?;
        let made = Arc::new(make(&all)?);
        *self.lock() = Some(Arc::new(Current {
            state,
            made: Arc::clone(&made),
        }));
        Ok(Some(made))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Current<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for MadeOfFields<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

//! What the log has of rows.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::answers::User;

/// How many are remembered.
const MOST: usize = 1000;

/// Accounts and versions of which something was said, the last ones.
#[derive(Default)]
pub(super) struct Told(Mutex<VecDeque<(String, i64)>>);

impl Told {
    pub(super) fn is_first(&self, account: &User) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = (account.id.clone(), account.version);
        if told.contains(&one) {
            return false;
        }
        if told.len() == MOST {
            told.pop_front();
        }
        told.push_back(one);
        true
    }
}

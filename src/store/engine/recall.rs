//! What a connection was answered since anybody last committed (ADR 2).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Conn, Engine};
use crate::store::error::StoreError;

/// Answers kept a connection; about a kilobyte each.
const CAPACITY: usize = 2_048;

/// Says which answer: a digest of all that the question depends on but the database.
pub(in crate::store) type Question = [u8; 32];

thread_local! {
    /// When what this thread answers was asked, if it says so.
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs `work`, which answers what was asked at that moment. A look at the database's state that
/// began later counts for it, whoever it was for.
pub(in crate::store) fn answering<T>(asked: Instant, work: impl FnOnce() -> T) -> T {
    /// Puts things back, however the work ends.
    struct Before(Option<Instant>);

    impl Drop for Before {
        fn drop(&mut self) {
            ASKED.set(self.0);
        }
    }

    let _before = Before(ASKED.replace(Some(asked)));
    work()
}

/// Answers that hold for one state of the database, and which state that is.
#[derive(Default)]
pub(super) struct Recall {
    answers: RefCell<Answers>,
    /// The latest look at the state: when it began, and what it was.
    looked: Cell<Option<(Instant, i64)>>,
}

#[derive(Default)]
struct Answers {
    state: i64,
    by_question: HashMap<Question, Arc<dyn Any + Send + Sync>>,
}

impl Recall {
    /// The database's state, now or at least since what is answered was asked.
    fn state(&self, look: impl FnOnce() -> Result<i64, StoreError>) -> Result<i64, StoreError> {
        if let (Some(asked), Some((began, state))) = (ASKED.get(), self.looked.get())
            && asked < began
        {
            return Ok(state);
        }
        let began = Instant::now();
        let state = look()?;
        self.looked.set(Some((began, state)));
        Ok(state)
    }

    /// The answer to this question, if it was given in this state.
    pub(super) fn find<T: Send + Sync + 'static>(
        &self,
        state: i64,
        question: &Question,
    ) -> Option<Arc<T>> {
        let answers = self.answers.borrow();
        if answers.state != state {
            return None;
        }
        Arc::clone(answers.by_question.get(question)?)
            .downcast()
            .ok()
    }

    /// Keeps an answer that was given in this state or a later one, and none of an earlier one.
    pub(super) fn keep<T: Send + Sync + 'static>(
        &self,
        state: i64,
        question: Question,
        answer: Arc<T>,
    ) {
        let answers = &mut *self.answers.borrow_mut();
        if answers.state != state || answers.by_question.len() >= CAPACITY {
            answers.by_question.clear();
            answers.state = state;
        }
        answers.by_question.insert(question, answer);
    }

    /// Keeps nothing any more: the connection is about to write itself, which its engine does not
    /// count.
    pub(super) fn forget(&self) {
        self.answers.borrow_mut().by_question.clear();
        self.looked.set(None);
    }
}

impl Conn {
    /// What `ask` is answered. Where the engine knows for certain that nobody has committed since this
    /// connection was answered the same question, that answer is given again (ADR 2).
    pub(in crate::store) fn recalled<T: Send + Sync + 'static>(
        &self,
        question: &Question,
        ask: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        let file = match &self.0 {
            // What a transaction of its own has done so far is nobody's answer yet.
            Engine::Sqlite(file) if !file.in_transaction() => file,
            _ => return ask(self).map(Arc::new),
        };
        // Asked first: what is read after a commit in between counts as older than it is.
        let state = file.recall.state(|| file.state())?;
        if let Some(answer) = file.recall.find(state, question) {
            return Ok(answer);
        }
        let answer = Arc::new(ask(self)?);
        file.recall.keep(state, *question, Arc::clone(&answer));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_state_its_question_and_its_type() {
        let recall = Recall::default();
        recall.keep(7, [1; 32], Arc::new(42_i64));
        assert_eq!(recall.find::<i64>(7, &[1; 32]).as_deref(), Some(&42));
        assert_eq!(recall.find::<i64>(7, &[2; 32]), None);
        assert_eq!(recall.find::<u8>(7, &[1; 32]), None);
        assert_eq!(recall.find::<i64>(8, &[1; 32]), None);
        recall.keep(8, [2; 32], Arc::new(43_i64));
        assert_eq!(recall.find::<i64>(8, &[1; 32]), None);
        assert_eq!(recall.find::<i64>(7, &[1; 32]), None);
    }

    #[test]
    fn no_more_are_kept_than_there_are_places() {
        let recall = Recall::default();
        for number in 0..=CAPACITY {
            let mut question = [0; 32];
            question[..8].copy_from_slice(&number.to_be_bytes());
            recall.keep(1, question, Arc::new(number));
        }
        assert_eq!(recall.answers.borrow().by_question.len(), 1);
    }

    #[test]
    fn what_was_forgotten_is_asked_anew() {
        let recall = Recall::default();
        recall.keep(1, [1; 32], Arc::new(1_i64));
        recall.forget();
        assert_eq!(recall.find::<i64>(1, &[1; 32]), None);
    }
}

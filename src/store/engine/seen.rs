//! Which texts were seen before, where there may be more of them than there is memory for: in a
//! file of its own, which nobody else sees and which is gone when it is closed.

use rusqlite::Connection;

use crate::store::error::StoreError;

/// Texts, each with the number under which it was seen first.
pub struct Seen(Connection);

impl Seen {
    /// None so far.
    pub fn new() -> Result<Self, StoreError> {
        const TABLE: &str = "
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            PRAGMA cache_size = -8192;
            CREATE TABLE seen (text TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
            BEGIN";
        // No name: a file in the folder for temporary ones, as soon as the cache is full.
        let file = Connection::open("")?;
        file.execute_batch(TABLE)?;
        Ok(Self(file))
    }

    /// Notes a text, or says under which number it was noted before.
    pub fn note(&self, text: &str, number: i64) -> Result<Option<i64>, StoreError> {
        const NOTE: &str = "
            INSERT INTO seen (text, number) VALUES (?1, ?2) ON CONFLICT (text) DO NOTHING";
        const FIND: &str = "SELECT number FROM seen WHERE text = ?1";
        let mut note = self.0.prepare_cached(NOTE)?;
        if note.execute((text, number))? == 1 {
            return Ok(None);
        }
        let mut find = self.0.prepare_cached(FIND)?;
        let found = find.query_row([text], |row| row.get(0));
        Ok(Some(found?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once() {
        let seen = Seen::new().expect("opens");
        assert_eq!(seen.note("a", 1).expect("notes"), None);
        assert_eq!(seen.note("A", 2).expect("notes"), None);
        assert_eq!(seen.note("a", 3).expect("notes"), Some(1));
    }
}

//! What two tables have in common if they hold the same rows, on whichever engine.

use super::tables::Table;
use crate::store::digest::{self, Digest};
use crate::store::engine::Value;

/// SHA-256 of a table's name, the names of its columns, and its values row by row, each as
/// [`Digest`] writes it.
pub(super) struct Checksum(Digest);

impl Checksum {
    pub(super) fn of(table: &Table) -> Self {
        let mut checksum = Self(Digest::new());
        checksum.add(table.name.into());
        for (name, _) in table.columns {
            checksum.add((*name).into());
        }
        checksum
    }

    pub(super) fn add(&mut self, value: Value<'_>) {
        self.0.add(value);
    }

    /// In lower-case hexadecimal.
    pub(super) fn finish(self) -> String {
        digest::hex(&self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::copy::list::TABLES;

    fn of(values: &[Value<'_>]) -> String {
        let [.., sequence] = &TABLES;
        let mut checksum = Checksum::of(sequence);
        for value in values {
            checksum.add(*value);
        }
        checksum.finish()
    }

    #[test]
    fn what_is_not_the_same_has_another_checksum() {
        let different: &[&[Value<'_>]] = &[
            &[],
            &[Value::Null],
            &[Value::Null, Value::Null],
            &["".into()],
            &["".into(), "".into()],
            &["null".into()],
            &["n".into()],
            &[b"".as_slice().into()],
            &[b"n".as_slice().into()],
            &[0.into()],
            &[1.into()],
            &[(-1).into()],
            &[256.into()],
            &["0".into()],
            &[false.into()],
            &[true.into()],
            &["ab".into(), "c".into()],
            &["a".into(), "bc".into()],
            &["c".into(), "ab".into()],
            &["e\u{301}".into()],
            &["\u{e9}".into()],
        ];
        let mut sums: Vec<String> = different.iter().map(|values| of(values)).collect();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), different.len());
    }

    #[test]
    fn empty_tables_of_other_names_have_other_checksums() {
        let sums = TABLES.each_ref().map(|table| Checksum::of(table).finish());
        let mut sums = sums.to_vec();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), TABLES.len());
    }

    /// Whoever notes a checksum compares it with that of a later release.
    #[test]
    fn the_checksum_of_the_same_rows_stays_what_it_is() {
        // printf 't\0\0\0\0\0\0\0\017change_sequencet\0\0\0\0\0\0\0\002idt\0\0\0\0\0\0\0\005value\
        // t\0\0\0\0\0\0\0\006prunedt\0\0\0\0\0\0\0\015tokens_pruned\
        // i\0\0\0\0\0\0\0\001i\0\0\0\0\0\0\0\0i\0\0\0\0\0\0\0\0i\0\0\0\0\0\0\0\0' | sha256sum
        assert_eq!(
            of(&[1.into(), 0.into(), 0.into(), 0.into()]),
            "5847f4978b438065d7399ccc756d015009d968b9286882cda5e194e6c55e1d21"
        );
    }
}

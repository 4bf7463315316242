//! What two tables have in common if they hold the same rows, on whichever engine.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

use super::tables::Table;
use crate::store::engine::Value;

/// SHA-256 of a table's name, the names of its columns, and its values row by row. Each value says
/// its kind and, where that varies, its length in bytes, so that no two tables are written alike:
///
/// ```text
/// null     'n'
/// boolean  'b', 0 or 1
/// integer  'i', 8 bytes, the highest first, in two's complement
/// text     't', 8 bytes of length, the highest first, UTF-8
/// bytes    'x', 8 bytes of length, the highest first, the bytes
/// ```
pub(super) struct Checksum(Context);

impl Checksum {
    pub(super) fn of(table: &Table) -> Self {
        let mut checksum = Self(Context::new(&SHA256));
        checksum.add(table.name.into());
        for (name, _) in table.columns {
            checksum.add((*name).into());
        }
        checksum
    }

    pub(super) fn add(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.0.update(b"n"),
            Value::Bool(value) => self.0.update(&[b'b', value.into()]),
            Value::Integer(value) => {
                self.0.update(b"i");
                self.0.update(&value.to_be_bytes());
            }
            Value::Text(text) => self.add_sized(b"t", text.as_bytes()),
            Value::Bytes(bytes) => self.add_sized(b"x", bytes),
        }
    }

    fn add_sized(&mut self, kind: &[u8], bytes: &[u8]) {
        self.0.update(kind);
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// In lower-case hexadecimal.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for byte in self.0.finish().as_ref() {
            write!(text, "{byte:02x}").expect("writing to memory does not fail");
        }
        text
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

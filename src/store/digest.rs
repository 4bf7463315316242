//! SHA-256 of values, whichever engine they are from.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

use super::engine::Value;

/// SHA-256 of values one after the other. Each says its kind and, where that varies, its length in
/// bytes, so that no two sequences are written alike:
///
/// ```text
/// null     'n'
/// boolean  'b', 0 or 1
/// integer  'i', 8 bytes, the highest first, in two's complement
/// text     't', 8 bytes of length, the highest first, UTF-8
/// bytes    'x', 8 bytes of length, the highest first, the bytes
/// ```
pub(super) struct Digest(Context);

impl Digest {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
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

    pub(super) fn finish(self) -> [u8; 32] {
        let digest = self.0.finish();
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

/// In lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
    }
    text
}

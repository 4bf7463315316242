//! What a text is like, before anybody parses it: the parser calls itself for everything that is within
//! something else, and a query that is deep enough would overflow its stack (RUSTSEC-2022-0037).

use super::refusal::{Limit, Refusal};

/// Names, numbers, texts and marks in a document.
const MAX_TOKENS: usize = 2_000;

/// Brackets of any kind within each other.
const MAX_NESTING: usize = 50;

/// Fails on a text that is too much for the parser. One pass, no memory.
pub(super) fn check(text: &str) -> Result<(), Refusal> {
    let bytes = text.as_bytes();
    let (mut at, mut tokens, mut nesting) = (0, 0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += length(&bytes[at..], |byte| !b"\r\n".contains(&byte));
                continue;
            }
            b'"' => at += quoted(&bytes[at..]),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                at += 1;
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                at += 1;
            }
            byte if is_word(byte) => at += length(&bytes[at..], is_word),
            _ => at += 1,
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(Refusal::over(Limit::Tokens, MAX_TOKENS));
        }
        if nesting > MAX_NESTING {
            return Err(Refusal::over(Limit::Nesting, MAX_NESTING));
        }
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// For how many bytes this holds.
fn length(bytes: &[u8], holds: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|byte| !holds(*byte));
    end.unwrap_or(bytes.len())
}

/// How long the text in quotes is that these bytes begin with. One that does not end is not closed by
/// what is in the next line: the parser says so.
fn quoted(bytes: &[u8]) -> usize {
    if let Some(block) = bytes.strip_prefix(b"\"\"\"") {
        let mut at = 0;
        while at < block.len() {
            if block[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if block[at..].starts_with(b"\"\"\"") {
                return at + 6;
            } else {
                at += 1;
            }
        }
        return bytes.len();
    }
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            b'\r' | b'\n' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Option<Limit> {
        check(text).err().and_then(|refusal| refusal.limit())
    }

    #[test]
    fn brackets_in_texts_and_comments_are_none() {
        let many = "{".repeat(60);
        assert_eq!(limit(&many), Some(Limit::Nesting));
        assert_eq!(limit(&format!("# {many}\n{{ a }}")), None);
        assert_eq!(limit(&format!("{{ a(b: \"{many}\") }}")), None);
        assert_eq!(limit(&format!("{{ a(b: \"\\\"{many}\") }}")), None);
        assert_eq!(
            limit(&format!("{{ a(b: \"\"\"\"{many}\\\"\"\"{many}\"\"\") }}")),
            None
        );
        // Nothing hides behind a quote that never ends, or a comment that does.
        assert_eq!(limit(&format!("\"\n{many}")), Some(Limit::Nesting));
        assert_eq!(limit(&format!("\"\" {many}")), Some(Limit::Nesting));
        assert_eq!(limit(&format!("#\r{many}")), Some(Limit::Nesting));
        assert_eq!(limit(&"[(".repeat(30)), Some(Limit::Nesting));
    }

    #[test]
    fn a_document_of_many_tokens_is_refused() {
        assert_eq!(limit(&"a ".repeat(MAX_TOKENS)), None);
        assert_eq!(limit(&"a ".repeat(MAX_TOKENS + 1)), Some(Limit::Tokens));
        assert_eq!(limit(&" ,\n".repeat(100_000)), None);
        assert_eq!(limit(&"\"a\"".repeat(2001)), Some(Limit::Tokens));
        for end in ["\"", "\"\\", "\"\"\"", "\"\"\"\\", "#", "\u{10ffff}"] {
            assert_eq!(limit(end), None);
        }
    }
}

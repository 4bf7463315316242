//! What an answer says: its page, its words, or that it is none of authd's.

use http::header::{CONTENT_ENCODING, HeaderName};
use serde::Deserialize;

use crate::answers;
use crate::asking::NoAnswer;
use crate::error::{FORBIDDEN, Trouble};
use crate::io::Answer;

/// Characters of a word in an answer that people are shown.
const MAX_SHOWN: usize = 500;

/// It must be an answer in itself: not one that leads elsewhere, nor one in a form that nobody asked for.
pub(crate) fn check_plain(answer: &Answer) -> Result<(), Trouble> {
    let status = answer.status().as_u16();
    if (300..400).contains(&status) && status != 304 {
        return Err(Trouble::Elsewhere(status));
    }
    let encoding = answer.headers().get(CONTENT_ENCODING);
    let is_plain = encoding.is_none_or(|encoding| encoding == "identity");
    is_plain
        .then_some(())
        .ok_or(Trouble::NotOurs("it is compressed, which nobody asked for"))
}

pub(crate) fn good(answer: &Answer) -> Result<&[u8], Trouble> {
    let status = answer.status().as_u16();
    (status == 200)
        .then_some(&**answer.body())
        .ok_or(Trouble::Status(status))
}

pub(crate) fn page(answer: &Answer) -> Result<&[u8], NoAnswer> {
    #[derive(Deserialize)]
    struct Gone {
        cursor: i64,
    }
    match answer.status().as_u16() {
        410 => {
            let gone: Gone = answers::read(answer.body())?;
            Err(NoAnswer::Gone(gone.cursor.max(0)))
        }
        // One of authd's own, and not of something in between.
        status @ (401 | 403) if code(answer, "code").is_some() => {
            let word = if status == 403 {
                FORBIDDEN
            } else {
                "invalid_client"
            };
            Err(NoAnswer::Refused(word.into()))
        }
        _ => Ok(good(answer)?),
    }
}

/// A word of a problem that says which it is.
pub(crate) fn code(answer: &Answer, member: &str) -> Option<String> {
    let found: answers::Json = answers::read(answer.body()).ok()?;
    found.get(member)?.as_str().map(Into::into)
}

pub(crate) fn text_of(answer: &Answer, name: HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// A word of an answer that people are shown: nothing that a terminal or a log would take for more.
pub(crate) fn shown(text: String) -> Result<String, Trouble> {
    let is_word = text.len() <= MAX_SHOWN && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_word
        .then_some(text)
        .ok_or(Trouble::NotOurs("a word in it is none"))
}

//! Bodies as Django REST framework reads them: JSON or a form, each field by its rules and in its words.

use std::collections::BTreeMap;

use rouille::{Request, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::own_fields::Written;
use super::refusal::{Refusal, Refused};
use crate::domain::email::Email;
use crate::domain::secret::Secret;
use crate::http::body;

/// What a body says, and what was wrong with it so far.
pub(super) struct Fields {
    members: Map<String, Value>,
    written: Written,
    errors: BTreeMap<String, Vec<String>>,
}

/// Whether a text may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    Allowed,
    Refused,
}

/// An answer with this in it.
pub(super) fn json(value: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Response::from_data("application/json", bytes)
}

/// What is said of a text that is none.
const NO_ADDRESS: &str = "Enter a valid email address.";

impl Fields {
    /// Reads the body; without one nothing is said. Of a member that is there twice the last counts.
    pub(super) fn read(request: &Request) -> Result<Self, Refused> {
        let bytes = body::bytes(request)?;
        let (members, written) = if bytes.is_empty() {
            (Map::new(), Written::Json)
        } else if body::is_of_type(request, "application/json") {
            (parsed(&bytes)?, Written::Json)
        } else if body::is_of_type(request, "application/x-www-form-urlencoded") {
            let form = form_urlencoded::parse(&bytes);
            let members = form.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
            (members.collect(), Written::Form)
        } else {
            // What a server of Python takes a body for that does not say.
            let sent = request.header("Content-Type").unwrap_or("text/plain");
            let detail = format!("Unsupported media type \"{sent}\" in request.");
            return Err(Refusal::detail(415, detail).into());
        };
        Ok(Self {
            members,
            written,
            errors: BTreeMap::new(),
        })
    }

    /// A text that has to be there; `None`: see [`Self::refused`]. White space around it is dropped, as
    /// there, and a number is a text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if !self.members.contains_key(name) {
            self.refuse(name, "This field is required.");
        }
        self.optional_text(name, Blank::Refused)
    }

    /// The same for a text that must never be printed.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        self.text(name).map(Secret::new)
    }

    /// The same for a text that may be absent.
    pub(super) fn optional_text(&mut self, name: &str, blank: Blank) -> Option<String> {
        let text = match self.members.remove(name)? {
            Value::String(text) => Ok(text.trim().to_owned()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Err("This field may not be null."),
            _ => Err("Not a valid string."),
        };
        let text = text.and_then(|text| match text.as_str() {
            "" if blank == Blank::Refused => Err("This field may not be blank."),
            held if held.contains('\0') => Err("Null characters are not allowed."),
            _ => Ok(text),
        });
        text.map_err(|sentence| self.refuse(name, sentence)).ok()
    }

    /// An address that has to be there.
    pub(super) fn email(&mut self, name: &str) -> Option<Email> {
        let given = self.members.get(name);
        if let Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) = given {
            self.refuse(name, NO_ADDRESS);
            return None;
        }
        let has_null = given
            .and_then(Value::as_str)
            .is_some_and(|text| text.contains('\0'));
        let text = self.text(name);
        let email = text.as_deref().map(str::parse);
        if has_null || matches!(email, Some(Err(_))) {
            self.refuse(name, NO_ADDRESS);
        }
        email?.ok()
    }

    /// What else is there, and how it is written.
    pub(super) fn rest(&mut self) -> (Map<String, Value>, Written) {
        (std::mem::take(&mut self.members), self.written)
    }

    /// Notes what is wrong with a field.
    pub(super) fn refuse(&mut self, name: &str, sentence: impl Into<String>) {
        let sentences = self.errors.entry(name.to_owned()).or_default();
        sentences.push(sentence.into());
    }

    /// Fails if anything was wrong.
    pub(super) fn check(&mut self) -> Result<(), Refused> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(self.refused())
        }
    }

    /// What was wrong.
    pub(super) fn refused(&mut self) -> Refused {
        Refusal::fields(std::mem::take(&mut self.errors)).into()
    }
}

/// A body of JSON, which has to be an object.
fn parsed(bytes: &[u8]) -> Result<Map<String, Value>, Refused> {
    let kind = match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(Value::Null) => {
            return Err(Refusal::field("non_field_errors", "No data provided").into());
        }
        Ok(Value::Array(_)) => "list",
        Ok(Value::String(_)) => "str",
        Ok(Value::Bool(_)) => "bool",
        Ok(Value::Number(number)) if number.is_f64() => "float",
        Ok(Value::Number(_)) => "int",
        Err(error) => {
            let detail = format!("JSON parse error - {error}");
            return Err(Refusal::detail(400, detail).into());
        }
    };
    let sentence = format!("Invalid data. Expected a dictionary, but got {kind}.");
    Err(Refusal::field("non_field_errors", sentence).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> Result<Fields, (u16, String)> {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let request = Request::fake_http("POST", "/api/token", headers, body.into());
        Fields::read(&request).map_err(told)
    }

    fn told(refused: Refused) -> (u16, String) {
        let Refused::InItsWords(refusal) = refused else {
            panic!("is not in its words");
        };
        let response = refusal.into_response();
        let (mut reader, _) = response.data.into_reader_and_size();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).expect("is text");
        (response.status_code, text)
    }

    /// What is said of the field `a`.
    fn of_field(content_type: &str, body: &str) -> Result<String, String> {
        let mut fields = read(content_type, body).map_err(|(_, text)| text)?;
        fields.text("a").ok_or_else(|| told(fields.refused()).1)
    }

    #[test]
    fn a_field_is_read_by_the_rules_of_django_rest_framework() {
        let json = |body: &str| of_field("application/json", body);
        let form = |body: &str| of_field("application/x-www-form-urlencoded; charset=utf-8", body);
        assert_eq!(json(r#"{"a": " x y "}"#), Ok("x y".into()));
        assert_eq!(json(r#"{"a": 12}"#), Ok("12".into()));
        assert_eq!(json(r#"{"a": "1", "a": "2"}"#), Ok("2".into()));
        assert_eq!(form("a=1&a=b%20c"), Ok("b c".into()));
        let told = |sentence: &str| Err(format!(r#"{{"a":["{sentence}"]}}"#));
        for missing in ["", "{}", r#"{"A": "x"}"#] {
            assert_eq!(json(missing), told("This field is required."), "{missing}");
        }
        assert_eq!(form("b=1"), told("This field is required."));
        for blank in [r#"{"a": ""}"#, r#"{"a": " \n"}"#] {
            assert_eq!(json(blank), told("This field may not be blank."));
        }
        assert_eq!(form("a"), told("This field may not be blank."));
        assert_eq!(json(r#"{"a": null}"#), told("This field may not be null."));
        for odd in ["true", "[]", r#"["x"]"#, "{}"] {
            let body = format!(r#"{{"a": {odd}}}"#);
            assert_eq!(json(&body), told("Not a valid string."), "{odd}");
        }
        assert_eq!(form("a=x%00"), told("Null characters are not allowed."));
    }

    #[test]
    fn a_body_that_is_no_object_is_told_what_it_is() {
        let of = |body: &str| read("application/json", body).err();
        for (body, sentence) in [
            ("[]", "Invalid data. Expected a dictionary, but got list."),
            ("\"x\"", "Invalid data. Expected a dictionary, but got str."),
            ("1", "Invalid data. Expected a dictionary, but got int."),
            ("1.5", "Invalid data. Expected a dictionary, but got float."),
            ("true", "Invalid data. Expected a dictionary, but got bool."),
            ("null", "No data provided"),
        ] {
            let text = format!(r#"{{"non_field_errors":["{sentence}"]}}"#);
            assert_eq!(of(body), Some((400, text)), "{body}");
        }
        let (status, text) = of("{").expect("is refused");
        assert!(
            status == 400 && text.contains("JSON parse error - "),
            "{text}"
        );
        let deep = "[".repeat(30_000);
        assert_eq!(of(&deep).map(|(status, _)| status), Some(400));
        let (status, text) = read("text/plain", "{}").err().expect("is refused");
        let sentence = r#"{"detail":"Unsupported media type \"text/plain\" in request."}"#;
        assert_eq!((status, text.as_str()), (415, sentence));
    }
}

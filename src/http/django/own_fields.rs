//! The installation's own fields as clients of Django REST framework write them: each by its type, in JSON or
//! in a form.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::field::{Field, FieldType, Input};

/// Where the values are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Numbers may be texts, and the other way round; a text for a field of JSON is a text.
    Json,
    /// Everything is a text; that for a field of JSON is JSON.
    Form,
}

/// Of what was given, the values of these fields that are not as they are: clients send back what they were
/// shown. Anything else is not looked at, as in Django.
pub(super) fn changed(
    fields: &[Field],
    shown: &BTreeMap<String, Value>,
    mut given: Map<String, Value>,
    written: Written,
) -> BTreeMap<String, Input> {
    fields
        .iter()
        .filter_map(|field| {
            let name = field.name.as_str();
            let is = shown.get(name).unwrap_or(&Value::Null);
            let given = given.remove(name).filter(|given| given != is)?;
            let input = read(field.definition.kind(), given, written);
            let wanted = field.definition.parse(&input);
            let is_as_it_was = wanted.is_ok_and(|wanted| {
                let wanted = wanted.map_or(Value::Null, |value| value.json);
                wanted == *is
            });
            (!is_as_it_was).then(|| (name.to_owned(), input))
        })
        .collect()
}

/// As that framework reads it. What it would not take is left for the field's own rule to refuse.
fn read(kind: FieldType, given: Value, written: Written) -> Input {
    let value = match (kind, given) {
        (FieldType::Json, Value::String(text)) if written == Written::Form => {
            return Input::Text(text);
        }
        (FieldType::Int, Value::String(text)) => whole_number(text.trim()),
        (FieldType::Int, Value::Number(number)) => whole_number(&number.to_string()),
        (FieldType::Bool, Value::String(text)) => truth(text.trim()),
        (FieldType::Bool, Value::Number(number)) => truth(&number.to_string()),
        (FieldType::Json | FieldType::Int | FieldType::Bool, given) => given,
        (_, Value::String(text)) => text.trim().into(),
        (_, Value::Number(number)) => number.to_string().into(),
        (_, given) => given,
    };
    Input::Json(value)
}

/// `5`, and `5.0`.
fn whole_number(text: &str) -> Value {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number = whole.parse::<i64>().ok();
    match number.filter(|_| fraction.bytes().all(|digit| digit == b'0')) {
        Some(number) => number.into(),
        None => text.into(),
    }
}

/// The words for yes and no, in any letter case.
fn truth(text: &str) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "t" | "y" | "yes" | "true" | "on" | "1" => true.into(),
        "f" | "n" | "no" | "false" | "off" | "0" => false.into(),
        "null" => Value::Null,
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: FieldType, given: &str) -> Input {
        read(
            kind,
            serde_json::from_str(given).expect("is JSON"),
            Written::Json,
        )
    }

    fn form(kind: FieldType, given: &str) -> Input {
        read(kind, given.into(), Written::Form)
    }

    #[test]
    fn a_number_may_be_a_text_and_a_text_a_number() {
        for given in ["5", "\"5\"", "\" 5 \"", "5.0", "\"5.\"", "\"5.00\""] {
            assert_eq!(
                json(FieldType::Int, given),
                Input::Json(5.into()),
                "{given}"
            );
        }
        assert_eq!(form(FieldType::Int, "-5"), Input::Json((-5).into()));
        for odd in [
            "5.5", "\"5.5\"", "\"five\"", "\"5e1\"", "\".0\"", "true", "[5]",
        ] {
            let Input::Json(value) = json(FieldType::Int, odd) else {
                panic!("is JSON");
            };
            assert_eq!(value.as_i64(), None, "{odd}");
        }
        assert_eq!(json(FieldType::String, "12"), Input::Json("12".into()));
        assert_eq!(json(FieldType::String, "\" x \""), Input::Json("x".into()));
        assert_eq!(json(FieldType::String, "true"), Input::Json(true.into()));
    }

    #[test]
    fn yes_and_no_have_many_words() {
        for yes in [
            "true", "1", "\"True\"", "\"on\"", "\"YES\"", "\"t\"", "\"1\"",
        ] {
            assert_eq!(
                json(FieldType::Bool, yes),
                Input::Json(true.into()),
                "{yes}"
            );
        }
        for no in [
            "false",
            "0",
            "\"False\"",
            "\"off\"",
            "\"no\"",
            "\"f\"",
            "\"0\"",
        ] {
            assert_eq!(json(FieldType::Bool, no), Input::Json(false.into()), "{no}");
        }
        assert_eq!(form(FieldType::Bool, "on"), Input::Json(true.into()));
        assert_eq!(
            form(FieldType::Bool, "perhaps"),
            Input::Json("perhaps".into())
        );
        assert_eq!(json(FieldType::Bool, "2"), Input::Json("2".into()));
    }

    #[test]
    fn json_is_a_text_in_a_form_alone() {
        let text = r#"{"a": [1, " "]}"#;
        assert_eq!(form(FieldType::Json, text), Input::Text(text.into()));
        let quoted = Value::from(text).to_string();
        assert_eq!(json(FieldType::Json, &quoted), Input::Json(text.into()));
    }
}

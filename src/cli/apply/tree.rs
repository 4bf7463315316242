//! A document in TOML or JSON as one kind of tree, which knows its lines.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use crate::cli::error::CliError;

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: usize,
    pub(super) what: What,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// Anything without parts, as JSON has it.
    Plain(serde_json::Value),
}

/// Reads JSON if it begins as an object, and else TOML.
pub(super) fn read(text: &str) -> Result<Node, CliError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| refuse(error.line(), "this is no JSON", &without_place(&error)))?;
        of_json(text, raw, 0)
    } else {
        let table = DeTable::parse(text).map_err(|error| {
            let line = line(text, error.span().unwrap_or(0..0).start);
            refuse(line, "this is no TOML", &error.message())
        })?;
        of_table(text, 1, table.get_ref())
    }
}

/// The error for what stands there.
pub(super) fn refuse(line: usize, key: &str, problem: &impl ToString) -> CliError {
    CliError::Value {
        what: format!("line {line}: {key}"),
        problem: problem.to_string(),
    }
}

fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count()
}

fn of_table(text: &str, at: usize, table: &DeTable<'_>) -> Result<Node, CliError> {
    let mut members = Vec::new();
    for (name, value) in table {
        let mut node = of_toml(text, value.span(), value.get_ref())?;
        node.line = line(text, name.span().start);
        members.push((name.get_ref().to_string(), node));
    }
    // In the order in which they are written.
    members.sort_by_key(|(_, node)| node.line);
    let what = What::Table(members);
    Ok(Node { line: at, what })
}

fn of_toml(text: &str, span: Range<usize>, value: &DeValue<'_>) -> Result<Node, CliError> {
    let line = line(text, span.start);
    let what = match value {
        DeValue::String(text) => What::Plain(text.to_string().into()),
        DeValue::Boolean(is_set) => What::Plain((*is_set).into()),
        DeValue::Datetime(moment) => What::Plain(moment.to_string().into()),
        DeValue::Integer(number) => {
            let number: i64 = number.to_string().parse().map_err(|_| {
                refuse(
                    line,
                    &number.to_string(),
                    &"write a whole number in decimal, of 64 bits",
                )
            })?;
            What::Plain(number.into())
        }
        DeValue::Float(number) => {
            let number: f64 = number.to_string().parse().unwrap_or(f64::NAN);
            What::Plain(number.into())
        }
        DeValue::Array(items) => {
            let items = items.iter();
            let items = items.map(|item| of_toml(text, item.span(), item.get_ref()));
            What::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return of_table(text, line, table),
    };
    Ok(Node { line, what })
}

fn of_json(text: &str, raw: &RawValue, near: usize) -> Result<Node, CliError> {
    // It is a part of the text.
    let start = raw.get().as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    let line = if start <= text.len() {
        line(text, start)
    } else {
        near
    };
    let failed = |error: serde_json::Error| refuse(line, "this is no JSON", &without_place(&error));
    let what = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw.get()).map_err(failed)?;
            let mut table: Vec<(String, Node)> = Vec::new();
            for (name, value) in members {
                let node = of_json(text, value, line)?;
                if table.iter().any(|(known, _)| *known == name) {
                    return Err(refuse(node.line, &name, &"it is there twice"));
                }
                table.push((name, node));
            }
            What::Table(table)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(failed)?;
            let items = items.into_iter().map(|item| of_json(text, item, line));
            What::List(items.collect::<Result<_, _>>()?)
        }
        _ => What::Plain(serde_json::from_str(raw.get()).map_err(failed)?),
    };
    Ok(Node { line, what })
}

/// Members of a JSON object, in their order.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMembers)
    }
}

struct OfMembers;

impl<'de> Visitor<'de> for OfMembers {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, &'de RawValue>()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// What the parser says, without the place that is said before.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl Node {
    /// As one JSON value.
    pub(super) fn json(&self) -> serde_json::Value {
        match &self.what {
            What::Plain(value) => value.clone(),
            What::List(items) => items.iter().map(Self::json).collect(),
            What::Table(members) => {
                let members = members.iter();
                let members = members.map(|(name, node)| (name.clone(), node.json()));
                serde_json::Value::Object(members.collect())
            }
        }
    }
}

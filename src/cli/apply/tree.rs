//! A document in TOML or JSON as one kind of tree, which knows its lines.

use std::collections::BTreeSet;
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

/// How deep a document may be nested: as deep as the readers of JSON and TOML go by themselves.
const MOST_LEVELS: usize = 100;

/// Reads JSON if it begins as an object, and else TOML.
pub(super) fn read(text: &str) -> Result<Node, CliError> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = Lines::of(text);
    if text.trim_start().starts_with('{') {
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| refuse(error.line(), "this is no JSON", &without_place(&error)))?;
        let source = Json { text, lines };
        source.node(raw, 0, MOST_LEVELS)
    } else {
        let table = DeTable::parse(text).map_err(|error| {
            let line = lines.at(error.span().unwrap_or(0..0).start);
            refuse(line, "this is no TOML", &error.message())
        })?;
        of_table(&lines, 1, table.get_ref())
    }
}

/// The error for what stands there.
pub(super) fn refuse(line: usize, key: &str, problem: &impl ToString) -> CliError {
    CliError::Value {
        what: format!("line {line}: {key}"),
        problem: problem.to_string(),
    }
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let bytes = text.bytes().enumerate();
        let ends = bytes.filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at).collect())
    }

    /// The line of this place, from 1.
    fn at(&self, place: usize) -> usize {
        1 + self.0.partition_point(|end| *end < place)
    }
}

fn of_table(lines: &Lines, at: usize, table: &DeTable<'_>) -> Result<Node, CliError> {
    let mut members = Vec::new();
    for (name, value) in table {
        let mut node = of_toml(lines, value.span(), value.get_ref())?;
        node.line = lines.at(name.span().start);
        members.push((name.get_ref().to_string(), node));
    }
    // In the order in which they are written.
    members.sort_by_key(|(_, node)| node.line);
    let what = What::Table(members);
    Ok(Node { line: at, what })
}

fn of_toml(lines: &Lines, span: Range<usize>, value: &DeValue<'_>) -> Result<Node, CliError> {
    let line = lines.at(span.start);
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
            let finite = number.to_string().parse().ok();
            let finite = finite.and_then(serde_json::Number::from_f64);
            let problem = "write a number that is neither infinite nor none";
            let finite = finite.ok_or_else(|| refuse(line, &number.to_string(), &problem))?;
            What::Plain(finite.into())
        }
        DeValue::Array(items) => {
            let items = items.iter();
            let items = items.map(|item| of_toml(lines, item.span(), item.get_ref()));
            What::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return of_table(lines, line, table),
    };
    Ok(Node { line, what })
}

/// A document in JSON.
struct Json<'t> {
    text: &'t str,
    lines: Lines,
}

impl Json<'_> {
    /// A part of the text, which stands near that line and goes down so many levels at most.
    fn node(&self, raw: &RawValue, near: usize, levels: usize) -> Result<Node, CliError> {
        let start = raw.get().as_ptr().addr();
        let start = start.wrapping_sub(self.text.as_ptr().addr());
        let line = if start <= self.text.len() {
            self.lines.at(start)
        } else {
            near
        };
        let failed = |problem: &dyn ToString| refuse(line, "this is no JSON", &problem.to_string());
        let below = || {
            let below = levels.checked_sub(1);
            below.ok_or_else(|| failed(&format!("it is nested more than {MOST_LEVELS} deep")))
        };
        let what = match raw.get().as_bytes().first() {
            Some(b'{') => {
                let (below, mut table, mut names) = (below()?, Vec::new(), BTreeSet::new());
                let members: Result<Members<'_>, _> = serde_json::from_str(raw.get());
                let Members(members) = members.map_err(|error| failed(&without_place(&error)))?;
                for (name, value) in members {
                    let node = self.node(value, line, below)?;
                    if !names.insert(name.clone()) {
                        return Err(refuse(node.line, &name, &"it is there twice"));
                    }
                    table.push((name, node));
                }
                What::Table(table)
            }
            Some(b'[') => {
                let below = below()?;
                let items: Result<Vec<&RawValue>, _> = serde_json::from_str(raw.get());
                let items = items.map_err(|error| failed(&without_place(&error)))?;
                let items = items.into_iter().map(|item| self.node(item, line, below));
                What::List(items.collect::<Result<_, _>>()?)
            }
            _ => {
                let plain = serde_json::from_str(raw.get());
                What::Plain(plain.map_err(|error| failed(&without_place(&error)))?)
            }
        };
        Ok(Node { line, what })
    }
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

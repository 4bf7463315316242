//! What becomes of an account's columns.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::objects::KEY;
use super::survey::Survey;
use crate::cli::error::CliError;
use crate::domain::field::{Field, FieldName, FieldNameError, FieldType, Input, Rule, Spec};

/// What every account has here, too, under the same name.
const COMMON: [&str; 9] = [
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "is_active",
    "is_staff",
    "is_superuser",
    "date_joined",
    "last_login",
];
/// What is read in its own way.
const SPECIAL: [&str; 3] = ["password", "groups", "user_permissions"];

/// Where a column goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// What every account has.
    Common(&'static str),
    /// An own field.
    Field(FieldName),
    /// Nowhere.
    Nothing,
}

/// `--map COLUMN=TARGET`.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) column: String,
    pub(super) target: Target,
}

/// The text is no mapping.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum MappingError {
    #[error("write COLUMN=TARGET, as in company=field:company")]
    Form,
    #[error("a column goes to field:NAME, external_id, {}, or nowhere: -", COMMON.join(", "))]
    Target,
    #[error(transparent)]
    Field(#[from] FieldNameError),
}

impl FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let (column, target) = text.split_once('=').ok_or(MappingError::Form)?;
        let common = COMMON.iter().chain(&["external_id"]);
        let target = match target.strip_prefix("field:") {
            Some(name) => Target::Field(name.parse()?),
            None if target == "-" => Target::Nothing,
            None => {
                let mut common = common.filter(|name| **name == target);
                Target::Common(common.next().ok_or(MappingError::Target)?)
            }
        };
        Ok(Self {
            column: column.to_owned(),
            target,
        })
    }
}

/// What becomes of each, and which fields come with that.
#[derive(Default)]
pub(super) struct Columns {
    /// Where the primary key goes.
    pub(super) key: Vec<&'static str>,
    pub(super) targets: BTreeMap<String, Target>,
    /// The type of each own field that one goes to.
    pub(super) kinds: BTreeMap<FieldName, FieldType>,
    /// Those that are not there yet.
    pub(super) proposed: Vec<(FieldName, Spec, String)>,
    /// Those that go nowhere, and why.
    pub(super) left_out: Vec<(String, String)>,
}

impl Columns {
    /// `types` are what a database says of them, `existing` the own fields there are.
    pub(super) fn of(
        survey: &Survey,
        mappings: &[Mapping],
        types: &HashMap<String, String>,
        existing: &[Field],
    ) -> Result<Self, CliError> {
        let mut columns = Self {
            key: key_targets(survey, mappings),
            ..Self::default()
        };
        if let Some(problem) = wrong(survey, mappings) {
            return Err(CliError::Value {
                what: "--map".into(),
                problem,
            });
        }
        for (name, shape) in &survey.columns {
            if SPECIAL.contains(&name.as_str()) {
                continue;
            }
            let mut given = mappings.iter().filter(|mapping| mapping.column == *name);
            let target = match given.next() {
                Some(mapping) => mapping.target.clone(),
                None => columns.usual(name, survey, mappings),
            };
            if let Target::Field(field) = &target {
                let known = existing.iter().find(|one| one.name == *field);
                let kind = match known {
                    Some(known) => known.definition.spec().kind,
                    None => columns.propose(field, name, types.get(name), shape),
                };
                columns.kinds.insert(field.clone(), kind);
            }
            columns.targets.insert(name.clone(), target);
        }
        Ok(columns)
    }

    /// Where a column goes that nothing was said of.
    fn usual(&mut self, name: &str, survey: &Survey, mappings: &[Mapping]) -> Target {
        let is_taken = |target: &Target| mappings.iter().find(|one| one.target == *target);
        let usual = if let Some(common) = COMMON.iter().find(|common| **common == name) {
            Ok(Target::Common(common))
        } else if name == "username"
            && !survey.columns.contains_key("email")
            && is_taken(&Target::Common("email")).is_none()
        {
            Ok(Target::Common("email"))
        } else {
            let field = name.parse().map(Target::Field);
            field.map_err(|error| format!("{error}; --map {name}=field:NAME keeps it"))
        };
        let free = usual.and_then(|target| match is_taken(&target) {
            Some(other) => Err(format!("'{}' goes there", other.column)),
            None => Ok(target),
        });
        free.unwrap_or_else(|problem| {
            self.left_out.push((name.to_owned(), problem));
            Target::Nothing
        })
    }

    fn propose(
        &mut self,
        field: &FieldName,
        column: &str,
        type_of: Option<&String>,
        shape: &Shape,
    ) -> FieldType {
        let (kind, max_length) = match type_of {
            Some(text) => of_type(text),
            None => (shape.kind(), None),
        };
        let spec = Spec {
            kind,
            max_length,
            ..Spec::default()
        };
        let of_type = type_of.map_or("its values", String::as_str);
        let from = format!("the column '{column}', {of_type}");
        self.proposed.push((field.clone(), spec, from));
        kind
    }
}

/// Where the primary key goes: to the external id, unless it was sent elsewhere, or something else there.
fn key_targets(survey: &Survey, mappings: &[Mapping]) -> Vec<&'static str> {
    let of_key = |mapping: &&Mapping| mapping.column == KEY && !survey.columns.contains_key(KEY);
    let given: Vec<_> = mappings.iter().filter(of_key).collect();
    let external_id = Target::Common("external_id");
    if given.is_empty() && mappings.iter().all(|one| one.target != external_id) {
        return vec!["external_id"];
    }
    let targets = given.iter().filter_map(|mapping| match mapping.target {
        Target::Common(name) => Some(name),
        _ => None,
    });
    targets.collect()
}

/// What is wrong with the mappings.
fn wrong(survey: &Survey, mappings: &[Mapping]) -> Option<String> {
    for (at, mapping) in mappings.iter().enumerate() {
        let (column, target) = (&mapping.column, &mapping.target);
        let is_key = column == KEY && !survey.columns.contains_key(KEY);
        let earlier = &mappings[..at];
        if is_key && matches!(target, Target::Field(_)) {
            return Some(format!("{KEY} goes to external_id, email, ..., or nowhere"));
        } else if SPECIAL.contains(&column.as_str()) {
            return Some(format!("'{column}' goes where it belongs by itself"));
        } else if !is_key && !survey.columns.contains_key(column) {
            return Some(format!("{} has no column '{column}'", survey.model));
        } else if !is_key && earlier.iter().any(|one| one.column == *column) {
            return Some(format!("'{column}' can go to one place"));
        } else if *target != Target::Nothing
            && let Some(other) = earlier.iter().find(|one| one.target == *target)
        {
            return Some(format!(
                "'{}' and '{column}' cannot go to one place",
                other.column
            ));
        }
    }
    None
}

/// The type of a field for a column of this type.
fn of_type(text: &str) -> (FieldType, Option<u32>) {
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if text.ends_with("[]") || starts(&["json"]) {
        (FieldType::Json, None)
    } else if text == "char(32)" {
        // A UUID on SQLite, which comes with its hyphens.
        (FieldType::String, Some(36))
    } else if starts(&["bool"]) {
        (FieldType::Bool, None)
    } else if starts(&["timestamp", "datetime"]) {
        (FieldType::Datetime, None)
    } else if text == "date" {
        (FieldType::Date, None)
    } else if text == "int" || starts(&["integer", "bigint", "smallint"]) {
        (FieldType::Int, None)
    } else {
        let inside = text.split_once('(').map(|(_, rest)| rest);
        let length = inside.and_then(|rest| rest.strip_suffix(')')?.parse().ok());
        let is_text = starts(&["varchar", "character", "char"]);
        (FieldType::String, length.filter(|_| is_text))
    }
}

/// What the values of a column are like.
#[derive(Default)]
pub(super) struct Shape {
    bools: bool,
    whole: bool,
    dates: bool,
    moments: bool,
    nested: bool,
    others: bool,
}

impl Shape {
    pub(super) fn see(&mut self, value: &Value) {
        let seen = match value {
            Value::Null => return,
            Value::String(text) if text.is_empty() => return,
            Value::Bool(_) => &mut self.bools,
            Value::Number(number) if number.as_i64().is_some_and(is_whole) => &mut self.whole,
            Value::Array(_) | Value::Object(_) => &mut self.nested,
            Value::String(text) if text.parse::<Date>().is_ok() && text.len() == 10 => {
                &mut self.dates
            }
            Value::String(text) if moment(text).parse::<jiff::Timestamp>().is_ok() => {
                &mut self.moments
            }
            _ => &mut self.others,
        };
        *seen = true;
    }

    fn kind(&self) -> FieldType {
        let Self {
            bools,
            whole,
            dates,
            moments,
            nested,
            others,
        } = *self;
        match [bools, whole, dates, moments, nested, others] {
            [true, false, false, false, false, false] => FieldType::Bool,
            [false, true, false, false, false, false] => FieldType::Int,
            [false, false, true, false, false, false] => FieldType::Date,
            [false, false, false, true, false, false] => FieldType::Datetime,
            [.., true, _] => FieldType::Json,
            _ => FieldType::String,
        }
    }
}

/// Whether an own field can hold the number as one.
fn is_whole(number: i64) -> bool {
    (-Rule::MAX_INT..=Rule::MAX_INT).contains(&number)
}

/// A moment as Django writes it, in RFC 3339. Without an offset it is taken for UTC.
pub(super) fn moment(text: &str) -> String {
    match text.replacen(' ', "T", 1).parse::<DateTime>() {
        // What has an offset is read as it is.
        Ok(moment) if !has_offset(text) => format!("{moment}Z"),
        _ => text.replacen(' ', "T", 1),
    }
}

fn has_offset(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.contains(['Z', 'z', '+', '-'])
}

/// A value of an own field.
pub(super) fn input(kind: FieldType, value: &Value) -> Input {
    match (kind, value) {
        (_, Value::Null) => Input::Json(Value::Null),
        (FieldType::Datetime, Value::String(text)) if !text.is_empty() => Input::Text(moment(text)),
        (FieldType::Json | FieldType::Bool | FieldType::Int, Value::String(text)) => {
            Input::Text(text.clone())
        }
        (FieldType::Json, value) => Input::Json(value.clone()),
        (FieldType::Bool | FieldType::Int, value) => Input::Json(value.clone()),
        (_, Value::String(text)) => Input::Json(Value::from(text.as_str())),
        (_, value) => Input::Text(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_each_source_writes_them() {
        for (written, meant) in [
            ("2024-05-06 07:08:09.123456", "2024-05-06T07:08:09.123456Z"),
            ("2024-05-06 07:08:09", "2024-05-06T07:08:09Z"),
            ("2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09.123Z"),
            ("2024-05-06T07:08:09+02:00", "2024-05-06T07:08:09+02:00"),
        ] {
            let parsed = |text: &str| text.parse::<jiff::Timestamp>().expect("is a moment");
            assert_eq!(parsed(&moment(written)), parsed(meant), "{written}");
        }
    }

    #[test]
    fn a_columns_type_says_what_its_field_holds() {
        for (text, kind) in [
            ("bool", (FieldType::Bool, None)),
            ("boolean", (FieldType::Bool, None)),
            ("varchar(80)", (FieldType::String, Some(80))),
            ("character varying(80)", (FieldType::String, Some(80))),
            ("text", (FieldType::String, None)),
            ("numeric(10,2)", (FieldType::String, None)),
            ("integer unsigned", (FieldType::Int, None)),
            ("timestamp with time zone", (FieldType::Datetime, None)),
            ("datetime", (FieldType::Datetime, None)),
            ("date", (FieldType::Date, None)),
            ("interval", (FieldType::String, None)),
            ("integer[]", (FieldType::Json, None)),
            ("character varying(5)[]", (FieldType::Json, None)),
            ("char(32)", (FieldType::String, Some(36))),
            ("json", (FieldType::Json, None)),
            ("jsonb", (FieldType::Json, None)),
        ] {
            assert_eq!(of_type(text), kind, "{text}");
        }
    }
}

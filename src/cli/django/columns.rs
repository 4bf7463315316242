//! What becomes of an account's columns.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::survey::Survey;
use crate::cli::error::CliError;
use crate::domain::field::{Field, FieldName, FieldNameError, FieldType, Input, Spec};

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
        let mut columns = Self::default();
        for mapping in mappings {
            if !survey.columns.contains_key(&mapping.column) {
                return Err(CliError::Value {
                    what: "--map".into(),
                    problem: format!("{} has no column '{}'", survey.model, mapping.column),
                });
            }
        }
        let has_email = survey.columns.contains_key("email");
        for (name, shape) in &survey.columns {
            if SPECIAL.contains(&name.as_str()) {
                continue;
            }
            let mut given = mappings.iter().filter(|mapping| mapping.column == *name);
            let target = match given.next() {
                Some(mapping) => mapping.target.clone(),
                None => columns.usual(name, has_email),
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

    fn usual(&mut self, name: &str, has_email: bool) -> Target {
        if let Some(common) = COMMON.iter().find(|common| **common == name) {
            return Target::Common(common);
        }
        if name == "username" && !has_email {
            return Target::Common("email");
        }
        match name.parse() {
            Ok(field) => Target::Field(field),
            Err(error) => {
                let problem = format!("{error}; --map {name}=field:NAME keeps it");
                self.left_out.push((name.to_owned(), problem));
                Target::Nothing
            }
        }
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

/// The type of a field for a column of this type.
fn of_type(text: &str) -> (FieldType, Option<u32>) {
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if starts(&["bool"]) {
        (FieldType::Bool, None)
    } else if starts(&["timestamp", "datetime"]) {
        (FieldType::Datetime, None)
    } else if text == "date" {
        (FieldType::Date, None)
    } else if starts(&["json"]) {
        (FieldType::Json, None)
    } else if starts(&["int", "bigint", "smallint"]) {
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
            Value::Number(number) if number.is_i64() => &mut self.whole,
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
            ("jsonb", (FieldType::Json, None)),
        ] {
            assert_eq!(of_type(text), kind, "{text}");
        }
    }
}

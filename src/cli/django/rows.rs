//! Accounts of a project, as rows to import.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::columns::{Columns, Target, input, moment};
use super::objects::{Object, Objects};
use super::survey::{Survey, key};
use crate::cli::error::CliError;
use crate::cli::import::row::{Draft, Given};
use crate::cli::import::{Read1, Rows};
use crate::domain::field::Input;
use crate::passwords::{Legacy, PhcString};
use crate::service::import::RowPassword;

/// How an object becomes a row.
pub(super) struct Plan {
    pub(super) survey: Survey,
    pub(super) columns: Columns,
    pub(super) legacy: Legacy,
    /// The numbers of those that are left out for another with the same address.
    pub(super) dropped: HashSet<u64>,
}

impl Plan {
    /// `None`: it does not come. `number` is which of the accounts it is, from 1.
    fn row(&self, object: &Object, number: u64) -> Option<Read1> {
        if self.dropped.contains(&number) {
            return None;
        }
        let line = object.pk.as_u64().unwrap_or(number);
        let mut draft = Draft::default();
        if !object.pk.is_null() {
            for target in &self.columns.key {
                draft.take(target, Given::Json(&key(&object.pk).into()));
            }
        }
        let mut own = Map::new();
        let mut texts = Vec::new();
        for (name, value) in &object.fields {
            match self.columns.targets.get(name) {
                None | Some(Target::Nothing) => {}
                Some(Target::Common(common)) => {
                    draft.take(common, Given::Json(&common_value(common, value)));
                }
                Some(Target::Field(field)) => {
                    let kind = self.columns.kinds.get(field).copied();
                    match input(kind.unwrap_or_default(), value) {
                        Input::Json(value) => {
                            own.insert(field.to_string(), value);
                        }
                        Input::Text(text) => texts.push((format!("field.{field}"), text)),
                    }
                }
            }
        }
        draft.take("fields", Given::Json(&Value::Object(own)));
        for (name, text) in &texts {
            draft.take(name, Given::Text(text));
        }
        self.take_rights(object, &mut draft);
        match self.password(object) {
            Ok(password) => draft.password = password,
            Err(problem) => draft.refuse("password", &problem),
        }
        // A number alone says who it is only where it is the key.
        let who = match &object.pk {
            Value::String(pk) => format!("{pk}: "),
            _ => String::new(),
        };
        let row = draft.finish(line);
        Some(row.map_err(|problem| (line, who + &problem)))
    }

    fn take_rights(&self, object: &Object, draft: &mut Draft) {
        let catalogue = &self.survey.catalogue;
        // A model without them says nothing of them.
        if object.fields.contains_key("groups") {
            match catalogue.groups_of(object) {
                Ok(names) => draft.take("groups", Given::Json(&names)),
                Err(problem) => draft.refuse("groups", &problem),
            }
        }
        if !object.fields.contains_key("user_permissions") {
            return;
        }
        match catalogue.permissions_of(object) {
            Ok(permissions) => draft.permissions = Some(permissions),
            Err(problem) => draft.refuse("user_permissions", &problem),
        }
    }

    fn password(&self, object: &Object) -> Result<RowPassword, String> {
        match object.fields.get("password") {
            None => Ok(RowPassword::Unsaid),
            Some(Value::Null) => Ok(RowPassword::OfDjango(None)),
            Some(Value::String(text)) => {
                let taken = PhcString::from_django(text, self.legacy);
                taken
                    .map(RowPassword::OfDjango)
                    .map_err(|error| error.to_string())
            }
            Some(_) => Err("it must be a text".to_owned()),
        }
    }
}

/// A value as it is written here.
fn common_value(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("phone_number" | "last_login" | "date_joined", Value::String(text)) if text.is_empty() => {
            Value::Null
        }
        ("last_login" | "date_joined", Value::String(text)) => moment(text).into(),
        ("first_name" | "last_name", Value::Null) => "".into(),
        ("external_id", value) if !value.is_null() => key(value).into(),
        (_, value) => value.clone(),
    }
}

/// Rows as they come.
pub(super) struct UserRows<'r> {
    pub(super) objects: &'r mut Objects,
    pub(super) plan: &'r Plan,
    pub(super) number: u64,
}

impl UserRows<'_> {
    /// The next account that comes, as it is there and as a row.
    pub(super) fn both(&mut self) -> Result<Option<(Object, Read1)>, CliError> {
        while let Some(object) = self.objects.next()? {
            if object.model == self.plan.survey.model {
                self.number += 1;
                if let Some(row) = self.plan.row(&object, self.number) {
                    return Ok(Some((object, row)));
                }
            }
        }
        Ok(None)
    }
}

impl Rows for UserRows<'_> {
    fn next(&mut self) -> Result<Option<Read1>, CliError> {
        Ok(self.both()?.map(|(_, row)| row))
    }
}

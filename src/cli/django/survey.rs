//! What there is in a project, from a first way through all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use super::catalogue::Catalogue;
use super::columns::{Shape, moment};
use super::objects::{Object, Objects};
use crate::cli::error::CliError;
use crate::cli::names::MOST_NAMED;
use crate::domain::email::Email;

/// What was found.
pub(super) struct Survey {
    /// The model of the accounts.
    pub(super) model: String,
    /// How many accounts there are.
    pub(super) users: u64,
    /// How many of them come without their primary keys.
    pub(super) without_key: u64,
    /// Groups and permissions.
    pub(super) catalogue: Catalogue,
    /// The accounts' columns.
    pub(super) columns: BTreeMap<String, Shape>,
    /// Addresses that are one without their letters' case, with those who have them, in their order.
    pub(super) collisions: BTreeMap<String, Vec<Claim>>,
}

/// An account that has an address.
#[derive(Clone)]
pub(super) struct Claim {
    /// Which of the accounts it is, from 1.
    pub(super) number: u64,
    /// Its primary key.
    pub(super) pk: String,
    /// The address as it has it.
    pub(super) email: String,
    pub(super) last_login: Option<Timestamp>,
}

impl Survey {
    /// Goes through all of it. `model` is in lower case; without one there must be one kind alone that looks
    /// like accounts. `email` is the column of the address.
    pub(super) fn of(
        objects: &mut Objects,
        model: Option<&str>,
        email: &str,
    ) -> Result<Self, CliError> {
        let mut survey = Self {
            model: model.unwrap_or_default().to_owned(),
            users: 0,
            without_key: 0,
            catalogue: Catalogue::default(),
            columns: BTreeMap::new(),
            collisions: BTreeMap::new(),
        };
        let (mut looks, mut claims) = (BTreeSet::new(), HashMap::new());
        while let Some(object) = objects.next()? {
            if survey.catalogue.take(&object) {
                continue;
            }
            let has = |name: &str| object.fields.contains_key(name);
            if has("password") && has("last_login") {
                if looks.len() < MOST_NAMED {
                    looks.insert(object.model.clone());
                }
                if model.is_none() {
                    survey.model.clone_from(&object.model);
                }
            }
            if !survey.model.is_empty() && object.model == survey.model {
                survey.user(&object, email, &mut claims);
            }
        }
        let is_known = if model.is_some() {
            survey.users > 0
        } else {
            looks.len() == 1
        };
        if !is_known {
            let looks: Vec<_> = looks.into_iter().collect();
            return Err(super::which_model(model, &looks));
        }
        survey.catalogue.finish()?;
        Ok(survey)
    }

    fn user(&mut self, object: &Object, email: &str, claims: &mut HashMap<String, Claim>) {
        self.users += 1;
        self.without_key += u64::from(object.pk.is_null());
        for (name, value) in &object.fields {
            if !self.columns.contains_key(name) {
                self.columns.insert(name.clone(), Shape::default());
            }
            if let Some(shape) = self.columns.get_mut(name) {
                shape.see(value);
            }
        }
        self.catalogue.see_references(object);
        let Some(Ok(email)) = object.text(email).map(str::parse::<Email>) else {
            return;
        };
        let last_login = object.text("last_login");
        let claim = Claim {
            number: self.users,
            pk: key(&object.pk),
            email: email.to_string(),
            last_login: last_login.and_then(|text| moment(text).parse().ok()),
        };
        match claims.get(email.key()) {
            None => {
                claims.insert(email.key().to_owned(), claim);
            }
            Some(first) => {
                let all = self.collisions.entry(email.key().to_owned());
                all.or_insert_with(|| vec![first.clone()]).push(claim);
            }
        }
    }
}

/// A primary key as a text.
pub(super) fn key(pk: &Value) -> String {
    match pk {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

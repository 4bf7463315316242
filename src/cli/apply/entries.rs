//! Tables of a document, read key by key.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;

use super::tree::{Node, What, refuse};
use crate::cli::error::CliError;
use crate::domain::field::Input;
use crate::service::apply::Entry;

/// A table, of which every key must be asked for.
pub(super) struct Table<'d> {
    line: usize,
    members: &'d [(String, Node)],
    asked: RefCell<Vec<&'static str>>,
}

impl<'d> Table<'d> {
    pub(super) fn of(node: &'d Node, name: &str) -> Result<Self, CliError> {
        match &node.what {
            What::Table(members) => Ok(Self {
                line: node.line,
                members,
                asked: RefCell::default(),
            }),
            _ => Err(refuse(node.line, name, &"it must be a table")),
        }
    }

    /// The tables of a list; `None`: there is no such key.
    pub(super) fn tables(&self, key: &'static str) -> Result<Option<Vec<Self>>, CliError> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let What::List(items) = &node.what else {
            return Err(refuse(node.line, key, &"it must be a list of tables"));
        };
        let tables = items.iter().map(|item| Self::of(item, key));
        tables.collect::<Result<_, _>>().map(Some)
    }

    /// What stands under a key.
    pub(super) fn node(&self, key: &'static str) -> Option<&'d Node> {
        self.asked.borrow_mut().push(key);
        let mut members = self.members.iter();
        members.find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// A text with a rule.
    pub(super) fn text<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, CliError> {
        self.node(key).map(|node| parsed(node, key)).transpose()
    }

    /// The same of what must be there.
    pub(super) fn needed<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
    ) -> Result<T, CliError> {
        self.text(key)?
            .ok_or_else(|| refuse(self.line, key, &"it is needed"))
    }

    /// The same of what there may be none of, which null and an empty text say.
    #[expect(
        clippy::option_option,
        reason = "that it is not there is something else than that there is none"
    )]
    pub(super) fn maybe<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
    ) -> Result<Option<Option<T>>, CliError> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        match &node.what {
            What::Plain(Value::Null) => Ok(Some(None)),
            What::Plain(Value::String(text)) if text.is_empty() => Ok(Some(None)),
            _ => parsed(node, key).map(|value| Some(Some(value))),
        }
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, CliError> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        match &node.what {
            What::Plain(Value::Bool(is_set)) => Ok(Some(*is_set)),
            _ => Err(refuse(node.line, key, &"it must be true or false")),
        }
    }

    pub(super) fn number(&self, key: &'static str) -> Result<Option<u32>, CliError> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let number = node.json().as_u64().and_then(|n| u32::try_from(n).ok());
        let number = number.ok_or_else(|| refuse(node.line, key, &"it must be a whole number"));
        number.map(Some)
    }

    /// Texts with a rule, in their order.
    pub(super) fn texts<T: FromStr<Err: Display>>(
        &self,
        key: &'static str,
    ) -> Result<Option<Vec<T>>, CliError> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let What::List(items) = &node.what else {
            return Err(refuse(node.line, key, &"it must be a list of texts"));
        };
        let texts = items.iter().map(|item| parsed(item, key));
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// The same where no order is meant.
    pub(super) fn names<T: FromStr<Err: Display> + Ord>(
        &self,
        key: &'static str,
    ) -> Result<Option<BTreeSet<T>>, CliError> {
        let texts = self.texts(key)?;
        Ok(texts.map(|texts| texts.into_iter().collect()))
    }

    /// A value of an own field.
    pub(super) fn input(&self, key: &'static str) -> Option<Input> {
        self.node(key).map(input)
    }

    /// The entry, if nothing is in it that was not asked for.
    pub(super) fn entry<T>(self, what: T) -> Result<Entry<T>, CliError> {
        self.finish()?;
        let keys = self.members.iter();
        let keys: BTreeMap<_, _> = keys.map(|(name, node)| (name.clone(), node.line)).collect();
        Ok(Entry {
            line: self.line,
            keys,
            what,
        })
    }

    /// Fails if something is in it that was not asked for.
    pub(super) fn finish(&self) -> Result<(), CliError> {
        let asked = self.asked.borrow();
        let mut members = self.members.iter();
        let unknown = members.find(|(name, _)| !asked.contains(&name.as_str()));
        let Some((name, node)) = unknown else {
            return Ok(());
        };
        if name == "password" {
            let remedy = "no passwords in here: give password_hash, or set it with 'user passwd'";
            return Err(refuse(node.line, name, &remedy));
        }
        let likeness = |key: &&str| strsim::jaro_winkler(name, key);
        let nearest = asked.iter();
        let nearest = nearest.max_by(|one, two| likeness(one).total_cmp(&likeness(two)));
        let nearest = nearest.copied().unwrap_or_default();
        let problem = format!("there is no such key: did you mean '{nearest}'?");
        Err(refuse(
            node.line,
            &name.chars().take(80).collect::<String>(),
            &problem,
        ))
    }
}

/// A text is read by the field's type, as that of a command line; all else is as it is.
pub(super) fn input(node: &Node) -> Input {
    match node.json() {
        Value::String(text) => Input::Text(text),
        value => Input::Json(value),
    }
}

fn parsed<T: FromStr<Err: Display>>(node: &Node, key: &str) -> Result<T, CliError> {
    let What::Plain(Value::String(text)) = &node.what else {
        return Err(refuse(node.line, key, &"it must be a text"));
    };
    text.parse().map_err(|error| refuse(node.line, key, &error))
}

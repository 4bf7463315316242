//! Groups and permissions of a project, and what refers to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::objects::Object;
use super::survey::key;
use crate::cli::error::CliError;
use crate::domain::group::GroupName;
use crate::domain::label::Label;
use crate::domain::permission::PermissionName;

/// All of them.
#[derive(Default)]
pub(super) struct Catalogue {
    /// The apps of content types, by their keys.
    apps: HashMap<String, String>,
    /// Permissions by their keys, as they are written.
    written: Vec<(String, Value, String, String)>,
    groups: HashMap<String, Group>,
    /// By their keys; `None`: it does not come.
    permissions: HashMap<String, Option<PermissionName>>,
    /// Those that come, and what they mean.
    pub(super) descriptions: BTreeMap<PermissionName, Label>,
    /// Names that do not come, and why.
    pub(super) left_out: BTreeMap<String, String>,
    /// Groups that are named without being there as objects.
    named: BTreeSet<String>,
}

struct Group {
    name: String,
    permissions: Vec<Value>,
}

impl Catalogue {
    /// Takes what belongs here; says whether it did.
    pub(super) fn take(&mut self, object: &Object) -> bool {
        let text = |name: &str| {
            let text = object.fields.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        match object.model.as_str() {
            "contenttypes.contenttype" => {
                self.apps.insert(key(&object.pk), text("app_label"));
            }
            "auth.permission" => {
                let kind = object.fields.get("content_type").cloned();
                let written = (
                    key(&object.pk),
                    kind.unwrap_or_default(),
                    text("codename"),
                    text("name"),
                );
                self.written.push(written);
            }
            "auth.group" => {
                let permissions = object.fields.get("permissions").and_then(Value::as_array);
                let group = Group {
                    name: text("name"),
                    permissions: permissions.cloned().unwrap_or_default(),
                };
                let key = if object.pk.is_null() {
                    format!("[{}]", group.name)
                } else {
                    key(&object.pk)
                };
                self.groups.insert(key, group);
            }
            _ => return false,
        }
        true
    }

    /// Notes what an account refers to by name.
    pub(super) fn see_references(&mut self, object: &Object) {
        for reference in references(object, "groups") {
            if let Some(name) = reference.get(0).and_then(Value::as_str) {
                self.named.insert(name.to_owned());
            }
        }
        for reference in references(object, "user_permissions") {
            if let Some(name) = natural(reference) {
                self.add(&name, Label::default());
            }
        }
    }

    /// After all objects. Without their content types nobody knows whose permissions they are.
    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        for (key, kind, codename, meaning) in std::mem::take(&mut self.written) {
            let app = match &kind {
                Value::Array(natural) => natural.first().and_then(Value::as_str),
                kind => self.apps.get(&super::survey::key(kind)).map(String::as_str),
            };
            let app = app.ok_or_else(|| CliError::Value {
                what: format!("the permission '{codename}'"),
                problem: missing("content type", &kind),
            })?;
            let name = format!("{app}.{codename}");
            let meaning = meaning.chars().take(Label::MAX_CHARS).collect::<String>();
            let name = self.add(&name, meaning.parse().unwrap_or_default());
            self.permissions.insert(key, name);
        }
        let of_groups: Vec<String> = self
            .groups
            .values()
            .flat_map(|group| group.permissions.iter().filter_map(natural))
            .collect();
        for name in of_groups {
            self.add(&name, Label::default());
        }
        Ok(())
    }

    fn add(&mut self, name: &str, meaning: Label) -> Option<PermissionName> {
        let problem = match name.parse::<PermissionName>() {
            Ok(known) if known.is_builtin() => "it means something else here".to_owned(),
            Ok(known) => {
                self.descriptions.entry(known.clone()).or_insert(meaning);
                return Some(known);
            }
            Err(error) => error.to_string(),
        };
        self.left_out.insert(name.to_owned(), problem);
        None
    }

    /// The groups there are, with what their members may do.
    pub(super) fn groups(
        &self,
    ) -> Result<BTreeMap<GroupName, BTreeSet<PermissionName>>, (String, String)> {
        let mut groups = BTreeMap::new();
        let mut written: HashMap<GroupName, &String> = HashMap::new();
        let named = self.named.iter().map(|name| (name, &[][..]));
        let whole = self.groups.values();
        let whole = whole.map(|group| (&group.name, &group.permissions[..]));
        for (name, references) in named.chain(whole) {
            let parsed: Result<GroupName, _> = name.parse();
            let parsed = parsed.map_err(|error| (name.clone(), error.to_string()))?;
            let other = written.insert(parsed.clone(), name);
            if let Some(other) = other.filter(|other| *other != name) {
                let problem = format!(
                    "'{other}' is the same name here, where spaces around it do not count: rename one of them in Django"
                );
                return Err((name.clone(), problem));
            }
            let mut permissions = BTreeSet::new();
            for reference in references {
                let found = self.permission(reference);
                permissions.extend(found.map_err(|problem| (name.clone(), problem))?);
            }
            let all: &mut BTreeSet<_> = groups.entry(parsed).or_default();
            all.extend(permissions);
        }
        Ok(groups)
    }

    /// The names of the groups that an account is in.
    pub(super) fn groups_of(&self, object: &Object) -> Result<Value, String> {
        let name = |reference: &Value| match reference {
            Value::Array(natural) => {
                let name = natural.first().cloned();
                name.ok_or_else(|| "a group has no name".to_owned())
            }
            pk => {
                let group = self.groups.get(&key(pk));
                let group = group.map(|group| Value::from(group.name.as_str()));
                group.ok_or_else(|| missing("group", pk))
            }
        };
        references(object, "groups").iter().map(name).collect()
    }

    /// What an account may do by itself.
    pub(super) fn permissions_of(
        &self,
        object: &Object,
    ) -> Result<BTreeSet<PermissionName>, String> {
        let mut permissions = BTreeSet::new();
        for reference in references(object, "user_permissions") {
            permissions.extend(self.permission(reference)?);
        }
        Ok(permissions)
    }

    /// `None`: it does not come.
    fn permission(&self, reference: &Value) -> Result<Option<PermissionName>, String> {
        if let Some(name) = natural(reference) {
            return Ok(name
                .parse()
                .ok()
                .filter(|name| self.descriptions.contains_key(name)));
        }
        let found = self.permissions.get(&key(reference)).cloned();
        found.ok_or_else(|| missing("permission", reference))
    }
}

fn missing(what: &str, pk: &Value) -> String {
    format!(
        "the {what} {pk} is not in the dump: write it with 'manage.py dumpdata contenttypes auth' and the app of the accounts"
    )
}

/// A permission's natural key: what it is called, its app, its model.
fn natural(reference: &Value) -> Option<String> {
    let natural = reference.as_array()?;
    let codename = natural.first()?.as_str()?;
    let app = natural.get(1)?.as_str()?;
    Some(format!("{app}.{codename}"))
}

fn references<'o>(object: &'o Object, name: &str) -> &'o [Value] {
    let references = object.fields.get(name).and_then(Value::as_array);
    references.map_or(&[], Vec::as_slice)
}

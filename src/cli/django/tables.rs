//! The tables of a Django project's database, as objects.

use std::collections::HashMap;
use std::vec::IntoIter;

use indicatif::ProgressBar;
use serde_json::{Map, Value};

use super::objects::Object;
use crate::cli::error::CliError;
use crate::store::{ForeignColumn, ForeignDatabase};

/// A database, and how far it was read.
pub(super) struct Tables {
    database: ForeignDatabase,
    bar: ProgressBar,
    users: UserTable,
    of_groups: Pairs,
    groups: Pairs,
    permissions: Pairs,
    /// Of [`Tables::ALL`].
    turn: usize,
    begun: bool,
    page: IntoIter<Map<String, Value>>,
    length: u64,
}

/// Where the accounts are.
struct UserTable {
    model: String,
    table: String,
    columns: Vec<ForeignColumn>,
}

/// By an object's key, the keys of those it refers to.
type Pairs = HashMap<String, Vec<Value>>;

/// Django's own tables, and what their models are called.
const OTHERS: [(&str, &str); 3] = [
    ("django_content_type", "contenttypes.contenttype"),
    ("auth_permission", "auth.permission"),
    ("auth_group", "auth.group"),
];

impl Tables {
    pub(super) fn open(
        mut database: ForeignDatabase,
        model: Option<&str>,
        bar: ProgressBar,
    ) -> Result<Self, CliError> {
        let users = user_table(&mut database, model)?;
        let name = users.model.split_once('.').map_or("", |(_, name)| name);
        let own = format!("{name}_id");
        let groups = format!("{}_groups", users.table);
        let permissions = format!("{}_user_permissions", users.table);
        let mut length = database.count(&users.table)?;
        for (table, _) in OTHERS {
            if !database.columns(table)?.is_empty() {
                length += database.count(table)?;
            }
        }
        Ok(Self {
            of_groups: pairs(
                &mut database,
                "auth_group_permissions",
                "group_id",
                "permission_id",
            )?,
            groups: pairs(&mut database, &groups, &own, "group_id")?,
            permissions: pairs(&mut database, &permissions, &own, "permission_id")?,
            database,
            bar,
            users,
            turn: 0,
            begun: false,
            page: Vec::new().into_iter(),
            length,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn kinds(&self) -> HashMap<String, String> {
        let columns = self.users.columns.iter();
        let kinds = columns.map(|column| (column.name.clone(), column.kind.clone()));
        kinds.collect()
    }

    pub(super) fn rewind(&mut self) {
        self.turn = 0;
        self.begun = false;
        self.page = Vec::new().into_iter();
    }

    pub(super) fn next(&mut self) -> Result<Option<Object>, CliError> {
        loop {
            if let Some(row) = self.page.next() {
                self.bar.inc(1);
                return Ok(Some(self.object(row)));
            }
            let table = match OTHERS.get(self.turn) {
                Some((table, _)) => *table,
                None if self.turn == OTHERS.len() => &self.users.table,
                None => return Ok(None),
            };
            if !self.begun {
                if self.database.columns(table)?.is_empty() {
                    self.turn += 1;
                    continue;
                }
                self.database.begin(table)?;
                self.begun = true;
            }
            self.page = self.database.page()?.into_iter();
            if self.page.len() == 0 {
                self.turn += 1;
                self.begun = false;
            }
        }
    }

    fn object(&self, mut row: Map<String, Value>) -> Object {
        let Some((_, model)) = OTHERS.get(self.turn) else {
            let key = self.users.columns.iter().find(|column| column.is_key);
            let pk = key.and_then(|key| row.remove(&key.name));
            let pk = pk.unwrap_or_default();
            for (name, pairs) in [
                ("groups", &self.groups),
                ("user_permissions", &self.permissions),
            ] {
                let found = pairs.get(&pk.to_string()).cloned();
                row.insert(name.to_owned(), found.unwrap_or_default().into());
            }
            return Object {
                model: self.users.model.clone(),
                pk,
                fields: row,
            };
        };
        let pk = row.remove("id").unwrap_or_default();
        if *model == "auth.group" {
            let found = self.of_groups.get(&pk.to_string()).cloned();
            row.insert("permissions".to_owned(), found.unwrap_or_default().into());
        }
        // As a dump has it.
        if let Some(kind) = row.remove("content_type_id") {
            row.insert("content_type".to_owned(), kind);
        }
        Object {
            model: (*model).to_owned(),
            pk,
            fields: row,
        }
    }
}

/// The table of the model; without one, the only table that looks like one of accounts.
fn user_table(database: &mut ForeignDatabase, model: Option<&str>) -> Result<UserTable, CliError> {
    let mut candidates = Vec::new();
    for table in database.tables()? {
        let columns = database.columns(&table)?;
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        if !(has("password") && has("last_login")) {
            continue;
        }
        // Nothing in a database tells the app's name from the model's.
        let of_table = table.replacen('_', ".", 1).to_lowercase();
        let is_meant = model.is_none_or(|model| model.replace('.', "_") == table.to_lowercase());
        candidates.push((
            is_meant,
            UserTable {
                model: model.map_or(of_table, str::to_owned),
                table,
                columns,
            },
        ));
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|(_, found)| found.table.replacen('_', ".", 1))
        .collect();
    let mut meant = candidates.into_iter().filter(|(is_meant, _)| *is_meant);
    match (meant.next(), meant.next()) {
        (Some((_, found)), None) => Ok(found),
        _ => Err(super::which_model(model, &names)),
    }
}

/// A table that joins two others.
fn pairs(
    database: &mut ForeignDatabase,
    table: &str,
    from: &str,
    to: &str,
) -> Result<Pairs, CliError> {
    let mut pairs = Pairs::new();
    let columns = database.columns(table)?;
    let has = |name: &str| columns.iter().any(|column| column.name == name);
    if !(has(from) && has(to)) {
        return Ok(pairs);
    }
    database.begin(table)?;
    loop {
        let page = database.page()?;
        if page.is_empty() {
            return Ok(pairs);
        }
        for mut row in page {
            let (from, to) = (row.remove(from), row.remove(to));
            if let (Some(from), Some(to)) = (from, to) {
                pairs.entry(from.to_string()).or_default().push(to);
            }
        }
    }
}

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
    /// `None`: accounts are in no groups there.
    groups: Option<Pairs>,
    permissions: Option<Pairs>,
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
                ("auth_group", "group_id"),
                ("auth_permission", "permission_id"),
            )?
            .unwrap_or_default(),
            groups: pairs(
                &mut database,
                &groups,
                (&users.table, ""),
                ("auth_group", "group_id"),
            )?,
            permissions: pairs(
                &mut database,
                &permissions,
                (&users.table, ""),
                ("auth_permission", "permission_id"),
            )?,
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
                if let Some(pairs) = pairs {
                    let found = pairs.get(&pk.to_string()).cloned();
                    row.insert(name.to_owned(), found.unwrap_or_default().into());
                }
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

/// A table that may be one of accounts.
struct Candidate {
    table: String,
    columns: Vec<ForeignColumn>,
    /// The model whose table has this name, if there is one.
    model: Option<String>,
}

/// The table of the model; without one, the only table that looks like one of accounts.
fn user_table(database: &mut ForeignDatabase, model: Option<&str>) -> Result<UserTable, CliError> {
    let models = models(database)?;
    let mut candidates = Vec::new();
    for table in database.tables()? {
        let columns = database.columns(&table)?;
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        if has("password") && has("last_login") {
            let own = models.iter();
            let mut own = own.filter(|model| model.replace('.', "_") == table.to_lowercase());
            candidates.push(Candidate {
                model: own.next().cloned(),
                table,
                columns,
            });
        }
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|one| one.model.clone().unwrap_or_else(|| one.table.clone()))
        .collect();
    let of = |is_meant: &dyn Fn(&Candidate) -> bool| {
        let mut meant = (0..candidates.len()).filter(|at| is_meant(&candidates[*at]));
        meant.next().filter(|_| meant.next().is_none())
    };
    let found = match model {
        None => of(&|_| true),
        Some(model) => {
            let by_name = |one: &Candidate| {
                let table = one.table.to_lowercase();
                model == table || model.replace('.', "_") == table
            };
            // A table may have any name (`db_table`): whose it is shows where one alone is nobody else's.
            let is_model = models.iter().any(|known| known == model);
            of(&by_name).or_else(|| of(&|one| is_model && one.model.is_none()))
        }
    };
    let Some(at) = found else {
        return Err(super::which_model(model, &names));
    };
    let found = candidates.swap_remove(at);
    let own = found.model.unwrap_or_else(|| found.table.clone());
    Ok(UserTable {
        model: model.map_or(own, str::to_owned),
        table: found.table,
        columns: found.columns,
    })
}

/// The models of the project, as `app.model`.
fn models(database: &mut ForeignDatabase) -> Result<Vec<String>, CliError> {
    const TABLE: &str = "django_content_type";
    let mut models = Vec::new();
    if database.columns(TABLE)?.is_empty() {
        return Ok(models);
    }
    database.begin(TABLE)?;
    loop {
        let page = database.page()?;
        if page.is_empty() {
            return Ok(models);
        }
        models.extend(page.iter().filter_map(|row| {
            let text = |name: &str| row.get(name).and_then(Value::as_str);
            let label = format!("{}.{}", text("app_label")?, text("model")?);
            Some(label.to_lowercase())
        }));
    }
}

/// A table that joins two others, each with the column that usually refers to it; `None`: there is none.
fn pairs(
    database: &mut ForeignDatabase,
    table: &str,
    from: (&str, &str),
    to: (&str, &str),
) -> Result<Option<Pairs>, CliError> {
    let mut pairs = Pairs::new();
    let columns = database.columns(table)?;
    if columns.is_empty() {
        return Ok(None);
    }
    let references = database.references(table)?;
    let to_column = joining(&columns, &references, to, None);
    let from_column = to_column
        .as_deref()
        .and_then(|taken| joining(&columns, &references, from, Some(taken)));
    let (Some(from), Some(to)) = (from_column, to_column) else {
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        return Err(CliError::Value {
            what: format!("the table '{table}'"),
            problem: format!(
                "which of its columns ({}) refer to {} and {} cannot be told: give what 'manage.py dumpdata contenttypes auth' and the app of the accounts writes instead",
                names.join(", "),
                from.0,
                to.0
            ),
        });
    };
    database.begin(table)?;
    loop {
        let page = database.page()?;
        if page.is_empty() {
            return Ok(Some(pairs));
        }
        for mut row in page {
            let (from, to) = (row.remove(&from), row.remove(&to));
            if let (Some(from), Some(to)) = (from, to) {
                pairs.entry(from.to_string()).or_default().push(to);
            }
        }
    }
}

/// The column that refers to a table: by its foreign key, by its usual name, or because no other is left
/// but `taken`.
fn joining(
    columns: &[ForeignColumn],
    references: &[(String, String)],
    (table, usual): (&str, &str),
    taken: Option<&str>,
) -> Option<String> {
    let only = |names: &[&str]| match names {
        [name] => Some((*name).to_owned()),
        _ => None,
    };
    let others = columns.iter().filter(|column| !column.is_key);
    let others = others.map(|column| column.name.as_str());
    let others: Vec<_> = others.filter(|name| Some(*name) != taken).collect();
    let refers = |name: &str| {
        let mut references = references.iter();
        references.any(|(column, other)| column == name && other == table)
    };
    let referring: Vec<_> = others.iter().copied().filter(|name| refers(name)).collect();
    if referring.len() > 1 {
        return None;
    }
    let usual: Vec<_> = others.iter().copied().filter(|one| *one == usual).collect();
    only(&referring)
        .or_else(|| only(&usual))
        .or_else(|| only(&others).filter(|_| taken.is_some()))
}

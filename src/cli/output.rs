//! Results on standard output: tables for people, JSON or TSV for scripts.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use serde::Serialize;
use serde_json::json;

use super::error::CliError;
use crate::config::Shown;
use crate::domain::user::User;
use crate::service::accounts::Page;
use crate::store::DatabaseUrl;
use crate::store::copy::CopiedTable;

/// How results look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people; fits the terminal
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One line a row, columns separated by tabs, no heading
    Tsv,
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) format: Format,
    pub(super) quiet: bool,
}

/// The columns of a user in TSV, in this order.
const COLUMNS: [&str; 13] = [
    "id",
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "is_active",
    "is_staff",
    "is_superuser",
    "date_joined",
    "last_login",
    "version",
    "groups",
    "fields",
];

impl Output {
    /// One account. Quiet: its id alone.
    pub(super) fn user(self, user: &User) -> Result<(), CliError> {
        match self.format {
            Format::Json => print(&to_json(user)),
            _ if self.quiet => print(&user.id.to_string()),
            Format::Tsv => print(&row(user).join("\t")),
            Format::Table => {
                // People see a line for each of the installation's own fields.
                let (_, common) = COLUMNS.split_last().expect("there are some");
                let own = user.fields.iter();
                let own = own.map(|(name, value)| (name.as_str(), plain(value)));
                let external = user.external_id.iter();
                let external = external.map(|id| ("external_id", id.to_string()));
                let common = common.iter().copied().zip(row(user));
                print(&pairs(common.chain(external).chain(own)))
            }
        }
    }

    /// One account that was made now, or was there before.
    pub(super) fn created(self, user: &User, created: bool) -> Result<(), CliError> {
        if self.format == Format::Json {
            return print(&json!({"created": created, "user": user}).to_string());
        }
        if !created {
            self.note(&format!(
                "'{}' exists already; nothing was changed",
                user.email
            ));
        }
        self.user(user)
    }

    /// Some accounts. Quiet: their ids alone.
    pub(super) fn users(self, page: &Page) -> Result<(), CliError> {
        match self.format {
            Format::Json => {
                print(&json!({"users": page.users, "next": page.next}).to_string())?;
            }
            _ if self.quiet => lines(page.users.iter().map(|user| user.id.to_string()))?,
            Format::Tsv => lines(page.users.iter().map(|user| row(user).join("\t")))?,
            Format::Table => print(&user_table(&page.users))?,
        }
        self.more(page.next.as_deref());
        Ok(())
    }

    /// Says how to get the next page, if there is one. Quiet too: a part must not pass for the whole.
    pub(super) fn more(self, next: Option<impl Display>) {
        if let (Some(next), Format::Table | Format::Tsv) = (next, self.format) {
            remark(&format!("there are more: --after {next}"));
        }
    }

    /// A list of anything: `document` as JSON; else a row for each, of which quiet prints the first
    /// column, the id. `shown` says which columns a person sees.
    pub(super) fn list<const N: usize>(
        self,
        document: &impl Serialize,
        columns: [&str; N],
        rows: &[[String; N]],
        shown: &[usize],
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => print(&to_json(document)),
            _ if self.quiet => lines(rows.iter().map(|row| row[0].clone())),
            Format::Tsv => lines(rows.iter().map(|row| row.join("\t"))),
            Format::Table => {
                let mut table = new_table();
                table.set_header(shown.iter().map(|at| columns[*at].replace('_', " ")));
                for row in rows {
                    table.add_row(shown.iter().map(|at| &row[*at]));
                }
                print(&table.to_string())
            }
        }
    }

    /// One thing of any kind. Quiet: its first column alone.
    pub(super) fn one(
        self,
        document: &impl Serialize,
        columns: &[&str],
        row: Vec<String>,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => print(&to_json(document)),
            _ if self.quiet => print(&row[0]),
            Format::Tsv => print(&row.join("\t")),
            Format::Table => print(&pairs(columns.iter().copied().zip(row))),
        }
    }

    /// Some things of one kind, and where the next page begins. Quiet: their first columns alone.
    pub(super) fn many(
        self,
        document: &impl Serialize,
        columns: &[&str],
        rows: Vec<Vec<String>>,
        next: Option<impl Display>,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => print(&to_json(document))?,
            _ if self.quiet => lines(rows.iter().map(|row| row[0].clone()))?,
            Format::Tsv => lines(rows.iter().map(|row| row.join("\t")))?,
            Format::Table => {
                let mut table = new_table();
                table.set_header(columns);
                table.add_rows(rows);
                print(&table.to_string())?;
            }
        }
        self.more(next);
        Ok(())
    }

    /// Every configuration value and where it came from.
    pub(super) fn config(self, values: &[Shown]) -> Result<(), CliError> {
        let row = |shown: &Shown| {
            [
                shown.key.into(),
                shown.value.clone(),
                shown.origin.to_string(),
            ]
        };
        match self.format {
            Format::Json => {
                let entry = |shown: &Shown| {
                    let [_, value, from] = row(shown);
                    (shown.key.to_owned(), json!({"value": value, "from": from}))
                };
                print(&to_json(
                    &values.iter().map(entry).collect::<serde_json::Map<_, _>>(),
                ))
            }
            Format::Tsv => lines(values.iter().map(|shown| row(shown).join("\t"))),
            Format::Table => {
                let mut table = new_table();
                table.set_header(["key", "value", "from"]);
                for shown in values {
                    table.add_row(row(shown));
                }
                print(&table.to_string())
            }
        }
    }

    /// What was copied, table by table. For people, the checksums are short.
    pub(super) fn copied(
        self,
        from: &DatabaseUrl,
        to: &DatabaseUrl,
        tables: &[CopiedTable],
    ) -> Result<(), CliError> {
        const SHORT: usize = 16;
        match self.format {
            Format::Json => {
                let entry = |table: &CopiedTable| {
                    let CopiedTable { name, rows, sha256 } = table;
                    json!({"table": name, "rows": rows, "sha256": sha256})
                };
                let tables: Vec<_> = tables.iter().map(entry).collect();
                let (from, to) = (from.to_string(), to.to_string());
                print(&json!({"from": from, "to": to, "tables": tables}).to_string())
            }
            Format::Tsv => lines(
                tables
                    .iter()
                    .map(|table| format!("{}\t{}\t{}", table.name, table.rows, table.sha256)),
            ),
            Format::Table => {
                let mut shown = new_table();
                shown.set_header(["table", "rows", "checksum"]);
                for table in tables {
                    let sha256 = table.sha256.chars().take(SHORT).collect();
                    shown.add_row([table.name.to_owned(), table.rows.to_string(), sha256]);
                }
                if let Some(rows) = shown.column_mut(1) {
                    rows.set_cell_alignment(CellAlignment::Right);
                }
                print(&shown.to_string())
            }
        }
    }

    /// A document of any shape for JSON, a sentence for the others.
    pub(super) fn outcome(self, document: &impl Serialize, sentence: &str) -> Result<(), CliError> {
        match self.format {
            Format::Json => print(&to_json(document)),
            _ if self.quiet => Ok(()),
            _ => print(sentence),
        }
    }

    /// A line of many to come; says whether anybody reads on.
    #[expect(clippy::unused_self, reason = "whoever writes results has this")]
    pub(super) fn line(self, line: &str) -> Result<bool, CliError> {
        write(line)
    }

    /// A remark for people, on standard error.
    pub(super) fn note(self, sentence: &str) {
        if !self.quiet {
            remark(sentence);
        }
    }
}

/// Writes a line to standard error. That it is gone (`2>&1 | head`) is no failure.
pub(super) fn remark(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}

/// Writes a line to standard output. That nobody reads it any more (`| head`) is no failure.
pub(super) fn print(line: &str) -> Result<(), CliError> {
    write(line).map(drop)
}

/// Writes a line to standard output, and says whether anybody reads it.
fn write(line: &str) -> Result<bool, CliError> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::io("writing the result")(error)),
    }
}

fn lines(lines: impl Iterator<Item = String>) -> Result<(), CliError> {
    let all: Vec<String> = lines.collect();
    if all.is_empty() {
        Ok(())
    } else {
        print(&all.join("\n"))
    }
}

/// A value as people write it: a text without quotes, nothing for null.
pub(super) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our types serialise")
}

fn row(user: &User) -> Vec<String> {
    let text = |value: Option<String>| value.unwrap_or_default();
    vec![
        user.id.to_string(),
        user.email.to_string(),
        user.first_name.to_string(),
        user.last_name.to_string(),
        text(user.phone_number.as_ref().map(ToString::to_string)),
        user.is_active.to_string(),
        user.is_staff.to_string(),
        user.is_superuser.to_string(),
        user.date_joined.to_string(),
        text(user.last_login.map(|at| at.to_string())),
        user.version.to_string(),
        user.groups.join(","),
        to_json(&user.fields),
    ]
}

/// What fits a terminal: a full row has no room there. Ids are for scripts (`-q`, `-o`).
fn user_table(users: &[User]) -> String {
    let mut table = new_table();
    table.set_header(["e-mail", "name", "phone", "role", "last login"]);
    for user in users {
        let name = format!("{} {}", user.first_name, user.last_name);
        let last_login = user.last_login.map_or("never".into(), |at| {
            at.to_string().chars().take_while(|c| *c != 'T').collect()
        });
        table.add_row([
            user.email.to_string(),
            name.trim().to_owned(),
            user.phone_number
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            role(user).to_owned(),
            last_login,
        ]);
    }
    break_names_first(&mut table, users);
    table.to_string()
}

/// Breaks names first, and addresses only where they are unusually long. In a terminal that is
/// narrower than usual, everything breaks.
fn break_names_first(table: &mut Table, users: &[User]) {
    const USUAL: usize = 24;
    const PADDING: usize = 2;
    if table.width().is_none_or(|width| width < 80) {
        return;
    }
    let lengths = users.iter().map(|user| user.email.as_str().chars().count());
    let room = lengths.max().unwrap_or_default().min(USUAL) + PADDING;
    let room = Width::Fixed(u16::try_from(room).unwrap_or(u16::MAX));
    for (index, constraint) in [
        (0, ColumnConstraint::LowerBoundary(room)),
        (2, ColumnConstraint::ContentWidth),
        (3, ColumnConstraint::ContentWidth),
        (4, ColumnConstraint::ContentWidth),
    ] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(constraint);
        }
    }
}

fn role(user: &User) -> &'static str {
    match (user.is_active, user.is_superuser, user.is_staff) {
        (false, ..) => "disabled",
        (true, true, _) => "superuser",
        (true, false, true) => "staff",
        (true, false, false) => "user",
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut table = new_table();
    for (name, value) in pairs {
        table.add_row([name.to_owned(), value]);
    }
    table.to_string()
}

/// A table as wide as the terminal, or as it likes where there is none.
fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // Some terminals do not know their width, and say 0.
        if table.width().is_none_or(|width| width == 0) {
            table.set_width(80);
        }
    }
    table
}

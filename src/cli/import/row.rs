//! What a line or a cell says, as values with their rules.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::email::Email;
use crate::domain::field::Input;
use crate::domain::group::GroupName;
use crate::domain::permission::PermissionName;
use crate::domain::user::{UserChange, UserId};
use crate::passwords::PhcString;
use crate::service::import::{Row, RowPassword};

/// A value as it is written.
#[derive(Clone, Copy)]
pub(in crate::cli) enum Given<'a> {
    /// A member of an object.
    Json(&'a Value),
    /// A cell of a table. Empty: nothing is given, but for names, groups, phone and own fields.
    Text(&'a str),
}

/// A row as far as it is read.
#[derive(Default)]
pub(in crate::cli) struct Draft {
    id: Option<UserId>,
    email: Option<Email>,
    rest: UserChange,
    pub(in crate::cli) password: RowPassword,
    pub(in crate::cli) permissions: Option<BTreeSet<PermissionName>>,
    date_joined: Option<Timestamp>,
    last_login: Option<Timestamp>,
    problems: Vec<String>,
}

impl Draft {
    /// Takes what is written under this name.
    pub(in crate::cli) fn take(&mut self, name: &str, given: Given<'_>) {
        if let Err(problem) = self.read(name, given) {
            self.refuse(name, &problem);
        }
    }

    pub(in crate::cli) fn refuse(&mut self, name: &str, problem: &str) {
        // Nobody's sentence is longer than the longest name.
        let name: String = name.chars().take(80).collect();
        self.problems.push(format!("{name}: {problem}"));
    }

    /// The row, or all that is wrong with it.
    pub(in crate::cli) fn finish(mut self, line: u64) -> Result<Row, String> {
        if self.email.is_none() && !self.problems.iter().any(|one| one.starts_with("email:")) {
            self.refuse("email", "an account needs one");
        }
        let Some(email) = self.email.filter(|_| self.problems.is_empty()) else {
            return Err(self.problems.join("; "));
        };
        Ok(Row {
            line,
            id: self.id,
            email,
            rest: self.rest,
            password: self.password,
            permissions: self.permissions,
            date_joined: self.date_joined,
            last_login: self.last_login,
        })
    }

    fn read(&mut self, name: &str, given: Given<'_>) -> Result<(), String> {
        match name {
            "id" => self.id = maybe(given)?,
            "email" => self.email = maybe(given)?,
            "first_name" => self.rest.first_name = Some(parsed(text(given)?)?),
            "last_name" => self.rest.last_name = Some(parsed(text(given)?)?),
            "phone_number" => self.rest.phone_number = Some(maybe(given)?),
            "external_id" => self.rest.external_id = Some(maybe(given)?),
            "is_active" => self.rest.is_active = flag(given)?,
            "is_staff" => self.rest.is_staff = flag(given)?,
            "is_superuser" => self.rest.is_superuser = flag(given)?,
            "groups" => self.rest.groups = Some(groups(given)?),
            "date_joined" => self.date_joined = maybe(given)?,
            "last_login" => self.last_login = maybe(given)?,
            "password_hash" => {
                let hash: Option<PhcString> = maybe(given)?;
                self.password = hash.map_or(RowPassword::Unsaid, RowPassword::This);
            }
            // Where it came from has its own order of changes.
            "version" => {}
            "password" => {
                return Err(
                    "no passwords in files: give password_hash, or let people reset theirs".into(),
                );
            }
            "fields" => {
                let Given::Json(Value::Object(values)) = given else {
                    return Err("it must be an object, a member for each field".into());
                };
                for (name, value) in values {
                    let value = Input::Json(value.clone());
                    self.rest.fields.insert(name.clone(), value);
                }
            }
            _ => match (name.strip_prefix("field."), given) {
                (Some(field), Given::Text(text)) => {
                    let value = Input::Text(text.to_owned());
                    self.rest.fields.insert(field.to_owned(), value);
                }
                _ => return Err("accounts have nothing of this name".into()),
            },
        }
        Ok(())
    }
}

/// Whether a table may have a column of this name.
pub(super) fn is_column(name: &str) -> bool {
    const COLUMNS: [&str; 14] = [
        "id",
        "email",
        "first_name",
        "last_name",
        "phone_number",
        "external_id",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "date_joined",
        "last_login",
        "version",
        "password_hash",
    ];
    COLUMNS.contains(&name) || name.starts_with("field.")
}

fn text(given: Given<'_>) -> Result<&str, String> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Json(Value::String(text)) => Ok(text),
        Given::Json(_) => Err("it must be a text".into()),
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A value, or nothing for null and an empty cell.
fn maybe<T: FromStr<Err: Display>>(given: Given<'_>) -> Result<Option<T>, String> {
    match given {
        Given::Json(Value::Null) | Given::Text("") => Ok(None),
        given => parsed(text(given)?).map(Some),
    }
}

fn flag(given: Given<'_>) -> Result<Option<bool>, String> {
    match given {
        Given::Json(Value::Bool(is_set)) => Ok(Some(*is_set)),
        Given::Text("") => Ok(None),
        Given::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Given::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        _ => Err("it must be true or false".into()),
    }
}

fn groups(given: Given<'_>) -> Result<BTreeSet<GroupName>, String> {
    match given {
        Given::Json(Value::Array(names)) => names
            .iter()
            .map(|name| parsed(text(Given::Json(name))?))
            .collect(),
        Given::Json(_) => Err("it must be a list of names".into()),
        Given::Text("") => Ok(BTreeSet::new()),
        Given::Text(text) => split(text).iter().map(|name| parsed(name)).collect(),
    }
}

/// Names with ';' between; a '\' takes the next character as it is.
fn split(text: &str) -> Vec<String> {
    let (mut names, mut letters) = (vec![String::new()], text.chars());
    while let Some(letter) = letters.next() {
        let last = names.len() - 1;
        match letter {
            ';' => names.push(String::new()),
            '\\' => names[last].extend(letters.next()),
            letter => names[last].push(letter),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_may_have_what_stands_between_them() {
        assert_eq!(split("a;b c"), ["a", "b c"]);
        assert_eq!(split(r"R\;D;x\\"), ["R;D", r"x\"]);
        assert_eq!(split("a;"), ["a", ""]);
    }

    #[test]
    fn all_that_is_wrong_with_a_row_is_said_at_once() {
        let mut draft = Draft::default();
        draft.take("is_staff", Given::Text("yes"));
        draft.take("shoe_size", Given::Text("40"));
        let refused = draft.finish(3).expect_err("has no address");
        assert_eq!(
            refused,
            "is_staff: it must be true or false; shoe_size: accounts have nothing of this name; \
             email: an account needs one"
        );
    }
}

//! Whose row is whose. Each statement is whole in itself and may be repeated, so no transaction is needed: however
//! many first requests there are at once, the table's rule that `authd_sub` is unique lets one of them make the row.
//!
//! A token may outlive its account, which may never have had a row. So what was deleted is written down before its row
//! is looked for, and is looked up before and after a row is made: one of the two sees the other.

use super::addresses::{is_same_address, written};
use super::statements::{
    CURSOR, DELETED, Database, FORGET_DELETED, Failure, Plan, Rows, SET_CURSOR, SET_DELETED, Value,
};
use super::{MirrorError, NoRow, Outcome, Row};
use crate::answers::{User, UserChange, UserPage};

/// A row as it was found or left.
pub(super) struct Found {
    key: String,
    is_active: bool,
    version: i64,
}

pub(super) fn first(rows: Rows) -> Option<Found> {
    let mut row = rows.into_iter().next()?.into_iter();
    let (key, active, version) = (row.next()??, row.next()?, row.next()?);
    Some(Found {
        key,
        is_active: is_true(active.as_deref()),
        version: version
            .and_then(|version| version.parse().ok())
            .unwrap_or(-1),
    })
}

/// How the engines write a truth.
fn is_true(text: Option<&str>) -> bool {
    matches!(text, Some("1" | "t" | "true"))
}

/// Whether a mark says no; whatever is not known to say so says yes.
fn is_no(text: Option<&str>) -> bool {
    text.is_none_or(|text| {
        let no = ["", "0", "f", "false"];
        no.iter().any(|no| text.eq_ignore_ascii_case(no))
    })
}

/// The active row of an account.
pub(super) async fn row_of(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<Row, MirrorError> {
    let known = find(database, plan, &account.id).await?;
    let (found, outcome) = match known {
        // What a token says (version 0) is news of nobody who was known, forgotten or not.
        Some(found) if account.version == 0 || found.version >= account.version => {
            (found, Outcome::Unchanged)
        }
        _ => applied(database, plan, account).await?,
    };
    if !found.is_active {
        return Err(MirrorError::NoRow(NoRow::Inactive));
    }
    Ok(Row {
        key: found.key,
        outcome,
    })
}

/// Takes a page; an account without a row is logged, and the others are no worse for it.
pub(super) async fn take(
    database: &impl Database,
    plan: &Plan,
    issuer: &str,
    page: &UserPage,
) -> Result<(), MirrorError> {
    for change in &page.changes {
        match change {
            UserChange::Is(account) => match applied(database, plan, account).await {
                Ok(_) => {}
                Err(MirrorError::NoRow(why)) => {
                    tracing::warn!("no local row for the account {}: {why}", account.id);
                }
                Err(error) => return Err(error),
            },
            UserChange::Deleted { id, version } => {
                let values = vec![Value::Text(id.clone()), Value::Integer(*version)];
                database.run(SET_DELETED, values).await?;
                told(deactivate(database, plan, id, *version).await, id)?;
            }
        }
    }
    set_cursor(database, issuer, page.cursor).await
}

pub(super) async fn cursor(
    database: &impl Database,
    issuer: &str,
) -> Result<Option<i64>, MirrorError> {
    let rows = database
        .run(CURSOR, vec![Value::Text(issuer.into())])
        .await?;
    let position = rows.into_iter().flatten().flatten().next();
    Ok(position.and_then(|position| position.parse().ok()))
}

pub(super) async fn begin_again(
    database: &impl Database,
    plan: &Plan,
    issuer: &str,
    cursor: i64,
) -> Result<(), MirrorError> {
    // The cursor last: if this ends in between, authd refuses the old one again.
    database.run(&plan.forget_versions(), Vec::new()).await?;
    database.run(FORGET_DELETED, Vec::new()).await?;
    set_cursor(database, issuer, cursor).await
}

pub(super) async fn settle(database: &impl Database, plan: &Plan) -> Result<(), MirrorError> {
    let all = database
        .run(&plan.deactivate_unnamed(), vec![Value::Bool(false)])
        .await;
    match all {
        Ok(_) => {}
        // One of them may be against it: the others are no better for that.
        Err(Failure::Refused) => {
            for sub in database.run(&plan.unnamed(), Vec::new()).await? {
                let sub = sub.into_iter().flatten().next().unwrap_or_default();
                told(deactivate(database, plan, &sub, 0).await, &sub)?;
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A row that does not become inactive is logged, and the others are no worse for it.
fn told(done: Result<(), Failure>, sub: &str) -> Result<(), Failure> {
    match done {
        Err(Failure::Refused) => {
            tracing::error!(
                "the row of the account {sub} does not become inactive: the database does not take it"
            );
            Ok(())
        }
        other => other,
    }
}

async fn set_cursor(
    database: &impl Database,
    issuer: &str,
    cursor: i64,
) -> Result<(), MirrorError> {
    let values = vec![Value::Text(issuer.into()), Value::Integer(cursor)];
    database.run(SET_CURSOR, values).await?;
    Ok(())
}

/// At which version the account was deleted, if this is not newer.
async fn deleted(database: &impl Database, account: &User) -> Result<Option<i64>, Failure> {
    let rows = database
        .run(DELETED, vec![Value::Text(account.id.clone())])
        .await?;
    let version = rows.into_iter().flatten().flatten().next();
    let version: Option<i64> = version.and_then(|version| version.parse().ok());
    Ok(version.filter(|version| *version >= account.version))
}

async fn deactivate(
    database: &impl Database,
    plan: &Plan,
    sub: &str,
    version: i64,
) -> Result<(), Failure> {
    let values = vec![
        Value::Text(sub.into()),
        Value::Integer(version),
        Value::Bool(false),
    ];
    database.run(&plan.update(&["is_active"]), values).await?;
    Ok(())
}

async fn find(database: &impl Database, plan: &Plan, sub: &str) -> Result<Option<Found>, Failure> {
    let rows = database
        .run(&plan.find(), vec![Value::Text(sub.into())])
        .await?;
    Ok(first(rows))
}

/// Makes the row as the account is, unless it is so or newer.
async fn applied(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<(Found, Outcome), MirrorError> {
    if let Some(found) = updated(database, plan, account).await? {
        return Ok((found, Outcome::Updated));
    }
    if let Some(found) = find(database, plan, &account.id).await? {
        return Ok((found, Outcome::Unchanged));
    }
    if deleted(database, account).await?.is_some() {
        return Err(MirrorError::NoRow(NoRow::Deleted));
    }
    let (made, outcome) = match adoptable(database, plan, account).await? {
        Some((key, clears)) => (
            adopted(database, plan, account, key, clears).await,
            Outcome::Linked,
        ),
        None => (inserted(database, plan, account).await, Outcome::Created),
    };
    match made {
        Ok(Some(found)) => match deleted(database, account).await? {
            None => Ok((found, outcome)),
            Some(version) => {
                let version = version.max(account.version + 1);
                deactivate(database, plan, &account.id, version).await?;
                Err(MirrorError::NoRow(NoRow::Deleted))
            }
        },
        // Another request was first, or the table does not take it.
        Ok(None) | Err(MirrorError::NoRow(NoRow::Refused)) => {
            let found = find(database, plan, &account.id).await?;
            let found = found.ok_or(MirrorError::NoRow(NoRow::Refused))?;
            Ok((found, Outcome::Unchanged))
        }
        Err(error) => Err(error),
    }
}

/// The row of the account, if it was older.
async fn updated(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<Option<Found>, Failure> {
    let (columns, values): (Vec<&str>, Vec<Value>) = plan.values(account).into_iter().unzip();
    let own = |version| {
        [
            Value::Text(account.id.clone()),
            Value::Integer(version),
            Value::Bool(account.is_active),
        ]
    };
    let [sub, version, _] = own(account.version);
    let all = [sub, version].into_iter().chain(values).collect();
    match written(database, plan, account, &plan.update(&columns), all).await {
        Err(Failure::Refused) => {
            if plan.told.is_first(account) {
                tracing::warn!(
                    "the row of the account {} stays as it was, but for is_active",
                    account.id
                );
            }
            // What was refused is to be news again.
            Ok(first(
                database
                    .run(&plan.stay(), own(account.version).into())
                    .await?,
            ))
        }
        other => other,
    }
}

/// The key of the one row that was this person's before, and whether only its address says so.
async fn adoptable(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<Option<(String, bool)>, MirrorError> {
    let mut found = Vec::new();
    let mut is_by_email = false;
    if let (Some(column), Some(id)) = (&plan.table.external_id, account.external_id()) {
        let values = vec![Value::Text(id.into())];
        found = match database.run(&plan.candidates(column, false), values).await {
            // No value of the column looks like that.
            Err(Failure::Refused) => Vec::new(),
            other => other?,
        };
    }
    if found.is_empty()
        && plan.table.links_by_email
        && account.may_be_known_by_email()
        && let Some(column) = plan.email()
    {
        is_by_email = true;
        let values = vec![Value::Text(account.email.clone())];
        found = database.run(&plan.candidates(column, true), values).await?;
        // The database's idea of lower case may join letters that are two addresses.
        found.retain(|row| is_same_address(row[1].as_deref().unwrap_or_default(), &account.email));
    }
    // Two are as good as none, and one that is somebody's is never another's.
    let [row] = &*found else {
        return Ok(None);
    };
    let (Some(key), None) = (&row[0], &row[2]) else {
        return Ok(None);
    };
    let is_privileged = row[3..].iter().any(|mark| !is_no(mark.as_deref()));
    if is_privileged && !plan.table.links_privileged {
        return Err(MirrorError::NoRow(NoRow::Privileged));
    }
    Ok(Some((key.clone(), is_by_email && !is_privileged)))
}

async fn adopted(
    database: &impl Database,
    plan: &Plan,
    account: &User,
    key: String,
    clears: bool,
) -> Result<Option<Found>, MirrorError> {
    let (columns, values): (Vec<&str>, Vec<Value>) = plan.values(account).into_iter().unzip();
    let own = [
        Value::Text(account.id.clone()),
        Value::Integer(account.version),
        Value::Text(key),
    ];
    let all = own.into_iter().chain(values).collect();
    let sql = plan.adopt(&columns, clears);
    Ok(written(database, plan, account, &sql, all).await?)
}

async fn inserted(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<Option<Found>, MirrorError> {
    if plan.email().is_some() && account.email.is_empty() {
        return Err(MirrorError::NoRow(NoRow::NoAddress));
    }
    let (columns, values): (Vec<&str>, Vec<Value>) = plan.values(account).into_iter().unzip();
    let own = [
        Value::Text(account.id.clone()),
        Value::Integer(account.version),
    ];
    let all = own.into_iter().chain(values).collect();
    Ok(written(database, plan, account, &plan.insert(&columns), all).await?)
}

//! Rows that still have an address which has gone on to another account.

use super::rules::{Found, first};
use super::statements::{Database, Failure, Plan, Value};
use crate::answers::User;

/// Writes what an account has; once more if its address was still in the row of another.
pub(super) async fn written(
    database: &impl Database,
    plan: &Plan,
    account: &User,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<Found>, Failure> {
    match database.run(sql, values.clone()).await {
        Err(Failure::Refused) if take_from_others(database, plan, account).await? => {
            Ok(first(database.run(sql, values).await?))
        }
        other => Ok(first(other?)),
    }
}

/// Takes the account's address from rows of others; says whether there was one.
///
/// Addresses are one account's in authd, and versions one sequence of all accounts: news of this one that are newer than
/// what a row has of another prove that the address is that one's no more. Rows that are nobody's keep theirs.
async fn take_from_others(
    database: &impl Database,
    plan: &Plan,
    account: &User,
) -> Result<bool, Failure> {
    let mut is_taken = false;
    if account.version < 1 || account.email.is_empty() {
        return Ok(false);
    }
    for column in plan.emails() {
        let values = vec![Value::Text(account.email.clone())];
        for row in database.run(&plan.candidates(column, true), values).await? {
            let (Some(address), Some(sub)) = (&row[1], &row[2]) else {
                continue;
            };
            if *sub == account.id || !is_same_address(address, &account.email) {
                continue;
            }
            let values = vec![
                Value::Text(sub.clone()),
                Value::Integer(account.version),
                plan.no_address(column, sub),
                Value::Text(address.clone()),
            ];
            match database.run(&plan.replace(column), values).await {
                Ok(rows) if rows.is_empty() => {}
                Ok(_) => {
                    is_taken = true;
                    tracing::info!(
                        "the address of the account {sub} is another's by now, and taken from its row"
                    );
                }
                Err(Failure::Refused) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(is_taken)
}

/// Whether two addresses are one: letters outside ASCII must be the same.
pub(super) fn is_same_address(one: &str, other: &str) -> bool {
    one == other || (one.is_ascii() && one.eq_ignore_ascii_case(other))
}

//! Whether one account of a project could log in here.

use std::collections::HashSet;

use super::collisions::{OnCollision, dropped};
use super::columns::Columns;
use super::objects::Objects;
use super::rows::Plan;
use super::survey::Survey;
use super::{DjangoArgs, email_column, legacy, rows_of};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::{password, prompt};
use crate::domain::email::Email;
use crate::domain::user::UserRef;
use crate::passwords::is_right;
use crate::service::accounts::AccountError;

/// Asks for its password, and says whether it is that.
pub(super) fn check(
    email: &Email,
    args: &DjangoArgs,
    survey: Survey,
    objects: &mut Objects,
    ctx: &Context,
) -> Result<(), CliError> {
    let columns = Columns::of(&survey, &args.map, &objects.kinds(), &[])?;
    let dropped = match args.on_collision {
        OnCollision::Refuse => HashSet::new(),
        chosen => dropped(&survey, chosen, ctx)?,
    };
    let plan = Plan {
        survey,
        columns,
        legacy: legacy(args),
        dropped,
    };
    let wrong = |problem: String| CliError::Value {
        what: email.to_string(),
        problem,
    };
    let column = email_column(&args.map);
    let mut rows = rows_of(objects, &plan);
    while let Some((object, row)) = rows.both()? {
        let found = object.text(column);
        let found = found.and_then(|text| text.parse::<Email>().ok());
        if found.is_none_or(|found| found.key() != email.key()) {
            continue;
        }
        let row = row.map_err(|(_, problem)| wrong(format!("it would be refused: {problem}")))?;
        let Some(hash) = row.password_hash else {
            return Err(wrong("it has no password: nobody logs in with one".into()));
        };
        if row.rest.is_active == Some(false) {
            return Err(wrong("it is not active: it may not log in".into()));
        }
        let given = password::given(&args.password, &[], ctx)?;
        let password = match given {
            Some(password) => password,
            None if ctx.has_someone_to_ask() => prompt::hidden(&format!("Password of {email}"))?,
            None => {
                return Err(ctx.cannot_ask("a password", "--password-stdin or --password-file"));
            }
        };
        if !is_right(&password, &hash).map_err(|error| wrong(error.to_string()))? {
            return Err(wrong("this is not its password".into()));
        }
        let document = serde_json::json!({"email": row.email.as_str(), "could_log_in": true});
        let sentence = format!("{} could log in with this password", row.email);
        return ctx.output.outcome(&document, &sentence);
    }
    Err(AccountError::NotFound(UserRef::Email(email.clone())).into())
}

//! Whether one account of a project could log in here.

use std::collections::HashSet;

use super::collisions::{OnCollision, dropped};
use super::columns::Columns;
use super::objects::Objects;
use super::rows::Plan;
use super::survey::Survey;
use super::{DjangoArgs, email_column, legacy, rows_of};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::cli::names::counted;
use crate::cli::{password, prompt};
use crate::domain::email::Email;
use crate::domain::user::UserRef;
use crate::passwords::{HashError, PhcString, is_right};
use crate::service::accounts::AccountError;
use crate::service::import::{Row, Standing, standing};

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
        let collision = plan.survey.collisions.get(email.key());
        for claim in collision.into_iter().flatten() {
            if claim.number == rows.number {
                let all = collision.map_or(0, Vec::len) as u64;
                ctx.output.note(&format!(
                    "{} have this address, and it is that of {} ({}) that is checked; --on-collision says which one comes",
                    counted(all, "account"),
                    claim.email,
                    claim.pk
                ));
            }
        }
        let row = row.map_err(|(_, problem)| wrong(format!("it would be refused: {problem}")))?;
        if row.rest.is_active == Some(false) {
            return Err(wrong("it is not active: it may not log in".into()));
        }
        let (own, is_older) = match here(&row, ctx)? {
            Standing::Same => (None, false),
            Standing::Older => (None, true),
            Standing::Own(own) => (Some(own), false),
        };
        if row.password.hash().is_none() && own.is_none() {
            return Err(wrong("it has no password: nobody logs in with one".into()));
        }
        let given = password::given(&args.password, &[], ctx)?;
        let password = match given {
            Some(password) => password,
            None if ctx.has_someone_to_ask() => prompt::hidden(&format!("Password of {email}"))?,
            None => {
                return Err(ctx.cannot_ask("a password", "--password-stdin or --password-file"));
            }
        };
        let is_right = |hash: &PhcString| {
            let right = is_right(&password, hash);
            right.map_err(|error: HashError| wrong(error.to_string()))
        };
        let in_django = row.password.hash().map(is_right).transpose()?;
        let could = match own.as_ref().map(is_right).transpose()? {
            None if in_django == Some(true) => "could log in with this password",
            None => return Err(wrong("this is not its password".into())),
            Some(true) if in_django == Some(true) => {
                "could log in with this password, which it has here, too"
            }
            Some(true) => {
                "could log in with this password: it has this one here, where somebody logged in with it or set it, and another in Django, which does not come"
            }
            Some(false) if in_django == Some(true) => {
                return Err(wrong(
                    "this is its password in Django alone: here it has another, which somebody logged in with or set here, and which stays".into(),
                ));
            }
            Some(false) => {
                return Err(wrong(
                    "this is not its password: it has one here, which somebody logged in with or set here, and which stays".into(),
                ));
            }
        };
        if is_older {
            ctx.output.note(&format!(
                "{} is here already, with what Django had when it came: --on-conflict update brings what it has now",
                row.email
            ));
        }
        let document = serde_json::json!({"email": row.email.as_str(), "could_log_in": true});
        return ctx
            .output
            .outcome(&document, &format!("{} {could}", row.email));
    }
    Err(AccountError::NotFound(UserRef::Email(email.clone())).into())
}

/// How its password stands to that of the account here, if there is one.
fn here(row: &Row, ctx: &Context) -> Result<Standing, CliError> {
    if !ctx.has_database()? {
        return Ok(Standing::Same);
    }
    Ok(standing(&ctx.management(IfMissing::Fail)?, row)?)
}

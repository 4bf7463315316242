//! `authctl group add`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::{GroupName, GroupRef};
use crate::service::groups::{self, GroupError};

/// Add a group, without members and permissions
///
/// Creates the database if there is none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  authctl group add billing")]
pub(in crate::cli) struct Args {
    /// The group's name; upper and lower case make two names
    name: GroupName,

    /// Succeed without a change if the group exists
    #[arg(long)]
    if_not_exists: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Create)?;
    if args.if_not_exists {
        match groups::find(&desk, &GroupRef::Name(args.name.clone())) {
            Ok(group) => {
                let document = json!({"created": false, "group": group});
                ctx.output.one(&document, &COLUMNS, row(&group))?;
                let note = format!("'{}' exists already; nothing was changed", group.name);
                ctx.output.note(&note);
                return Ok(());
            }
            Err(GroupError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let group = groups::add(&desk, args.name)?;
    let document = json!({"created": true, "group": group});
    ctx.output.one(&document, &COLUMNS, row(&group))
}

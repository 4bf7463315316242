//! `authctl user list`.

use crate::cli::account::OwnField;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::group::GroupName;
use crate::domain::user::UserId;
use crate::store::users::UserFilter;

/// List accounts in the order they were created
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl user list --superuser\n  authctl user list -q --inactive | xargs -n1 authctl user delete --yes"
)]
pub(in crate::cli) struct Args {
    /// Only those that may log in
    #[arg(long, conflicts_with = "inactive")]
    active: bool,

    /// Only those that are disabled
    #[arg(long)]
    inactive: bool,

    /// Only those that may do everything
    #[arg(long)]
    superuser: bool,

    /// Only those that may use the management API
    #[arg(long)]
    staff: bool,

    /// Only those in this group
    #[arg(long, value_name = "NAME")]
    group: Option<GroupName>,

    /// Only those with this value in one of your own fields; an empty value: those without any
    #[arg(long, value_name = "NAME=VALUE")]
    field: Option<OwnField>,

    /// Only those with this text in the e-mail address, the name or the phone number
    #[arg(long, value_name = "TEXT", value_parser = search_text)]
    search: Option<String>,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    /// Only those after this id: the next page
    #[arg(long, value_name = "CURSOR")]
    after: Option<UserId>,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let accounts = ctx.accounts(IfMissing::Fail)?;
    let matching = |field: OwnField| accounts.matching(&field.name, &field.value);
    let filter = UserFilter {
        is_active: match (args.active, args.inactive) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        is_staff: args.staff.then_some(true),
        is_superuser: args.superuser.then_some(true),
        group: args.group,
        search: args.search,
        field: args.field.map(matching).transpose()?,
        after: args.after.map(|id| id.to_string()),
        ..UserFilter::default()
    };
    let page = accounts.list(&filter, args.limit)?;
    ctx.output.users(&page)
}

/// Longer than any address, name or number is nothing to look for, and more than SQL's LIKE takes.
fn search_text(text: &str) -> Result<String, &'static str> {
    if text.len() > 300 {
        Err("there is nothing that long to find")
    } else {
        Ok(text.to_owned())
    }
}

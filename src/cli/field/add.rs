//! `authctl field add`.

use serde_json::json;

use super::{COLUMNS, row};
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::field::{FieldName, FieldType, Input, Spec};
use crate::domain::label::Label;
use crate::service::fields::{self, FieldError};

/// Add a field that every account has from now on
///
/// It is there at authd's next request, null where an account has no value. With a default, every
/// account has that at once. Creates the database if there is none.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl field add department --type string --max-length 50 --in-token\n  authctl field add level --type int --min 1 --max 5 --default 1 --required\n  authctl field add size --type enum --choices s,m,l --self-read --self-write"
)]
pub(in crate::cli) struct Args {
    /// Its name, as cost_center
    name: FieldName,

    /// string, int, bool, date, datetime, email, phone, url, enum or json
    #[arg(long = "type", value_name = "TYPE")]
    kind: FieldType,

    /// What people call it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    label: Label,

    /// Every account must have a value: refused while some have none, unless there is a default
    #[arg(long)]
    required: bool,

    /// No two accounts may have the same
    #[arg(long)]
    unique: bool,

    /// Accounts are often looked for by it
    #[arg(long)]
    indexed: bool,

    /// What accounts have that are made without a value, and all that are there now
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    default: Option<Input>,

    /// Of an enum, what it may be: a,b,c
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    choices: Vec<String>,

    /// Of a string, email or url, the most characters
    #[arg(long, value_name = "N")]
    max_length: Option<u32>,

    /// Of a string, email or url, a regular expression that all of it must match
    #[arg(long, value_name = "RE", allow_hyphen_values = true)]
    pattern: Option<String>,

    /// Of an int, date or datetime, the least
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    min: Option<Input>,

    /// Of an int, date or datetime, the greatest
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    max: Option<Input>,

    /// Accounts see it of themselves
    #[arg(long)]
    self_read: bool,

    /// Accounts change it themselves, and so see it
    #[arg(long)]
    self_write: bool,

    /// Access tokens carry it
    #[arg(long)]
    in_token: bool,

    /// Succeed without a change if there is a field of this name
    #[arg(long)]
    if_not_exists: bool,
}

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let desk = ctx.management(IfMissing::Create)?;
    if args.if_not_exists {
        match fields::find(&desk, &args.name) {
            Ok(field) => {
                let document = json!({"created": false, "field": field});
                ctx.output.one(&document, &COLUMNS, row(&field).to_vec())?;
                let note = format!("'{}' exists already; nothing was changed", field.name);
                ctx.output.note(&note);
                return Ok(());
            }
            Err(FieldError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let spec = Spec {
        kind: args.kind,
        label: args.label,
        required: args.required,
        unique: args.unique,
        indexed: args.indexed,
        default: args.default,
        choices: args.choices,
        max_length: args.max_length,
        pattern: args.pattern,
        min: args.min,
        max: args.max,
        self_read: args.self_read,
        self_write: args.self_write,
        in_token: args.in_token,
    };
    let field = fields::add(&desk, args.name, spec)?;
    let document = json!({"created": true, "field": field});
    ctx.output.one(&document, &COLUMNS, row(&field).to_vec())
}

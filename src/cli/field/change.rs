//! `authctl field change`.

use super::print;
use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::domain::field::{FieldChange, FieldName, Input};
use crate::domain::label::Label;
use crate::service::fields::{self, Force};

/// Change the rules of a field
///
/// What is not named stays as it is; the type does. If accounts have what the new rules do not
/// allow, they are named and nothing changes.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authctl field change department --max-length 30\n  authctl field change department --max-length '' --in-token true\n  authctl field change size --choices s,m,l,xl"
)]
pub(in crate::cli) struct Args {
    /// Its name
    name: FieldName,

    /// What people call it
    #[arg(long, value_name = "TEXT")]
    label: Option<Label>,

    /// Whether every account must have a value; those without one are given the default
    #[arg(long, value_name = "BOOL")]
    required: Option<bool>,

    /// Whether no two accounts may have the same
    #[arg(long, value_name = "BOOL")]
    unique: Option<bool>,

    /// Whether accounts are often looked for by it
    #[arg(long, value_name = "BOOL")]
    indexed: Option<bool>,

    /// What accounts have that are made without a value; an empty text for none
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    default: Option<Input>,

    /// Of an enum, what it may be: a,b,c
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    choices: Option<Vec<String>>,

    /// Of a string, email or url, the most characters; an empty text for no such rule
    #[arg(long, value_name = "N", value_parser = length_or_none)]
    max_length: Option<LengthOrNone>,

    /// Of a string, email or url, a regular expression that all of it must match; an empty text for
    /// none
    #[arg(long, value_name = "RE", allow_hyphen_values = true)]
    pattern: Option<String>,

    /// Of an int, date or datetime, the least; an empty text for none
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    min: Option<Input>,

    /// Of an int, date or datetime, the greatest; an empty text for none
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    max: Option<Input>,

    /// Whether accounts see it of themselves
    #[arg(long, value_name = "BOOL")]
    self_read: Option<bool>,

    /// Whether accounts change it themselves
    #[arg(long, value_name = "BOOL")]
    self_write: Option<bool>,

    /// Whether access tokens carry it
    #[arg(long, value_name = "BOOL")]
    in_token: Option<bool>,

    /// Change it though accounts break the new rules; they keep what they have
    #[arg(long)]
    force: bool,
}

/// A length, or the wish for none.
#[derive(Clone, Debug)]
struct LengthOrNone(Option<u32>);

pub(super) fn run(args: Args, ctx: &mut Context) -> Result<(), CliError> {
    let change = FieldChange {
        label: args.label,
        required: args.required,
        unique: args.unique,
        indexed: args.indexed,
        default: args.default.map(given),
        choices: args.choices,
        max_length: args.max_length.map(|length| length.0),
        pattern: args
            .pattern
            .map(|text| Some(text).filter(|text| !text.is_empty())),
        min: args.min.map(given),
        max: args.max.map(given),
        self_read: args.self_read,
        self_write: args.self_write,
        in_token: args.in_token,
    };
    if change.is_empty() {
        return Err(CliError::NothingToChange);
    }
    let force = if args.force { Force::Yes } else { Force::No };
    let desk = ctx.management(IfMissing::Fail)?;
    let changed = fields::change(&desk, args.name, None, change, force)?;
    print(&changed.field, ctx.output)?;
    if changed.broken.count > 0 {
        ctx.output.note(&changed.broken.to_string());
    }
    Ok(())
}

fn given(input: Input) -> Option<Input> {
    Some(input).filter(|input| *input != Input::Text(String::new()))
}

fn length_or_none(text: &str) -> Result<LengthOrNone, std::num::ParseIntError> {
    if text.is_empty() {
        Ok(LengthOrNone(None))
    } else {
        text.parse().map(|length| LengthOrNone(Some(length)))
    }
}

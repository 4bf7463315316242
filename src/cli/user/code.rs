//! What the commands that make a code have in common: how it gets to its owner, and what is printed.

use std::sync::Arc;

use serde_json::json;

use crate::cli::context::{Context, IfMissing};
use crate::cli::error::CliError;
use crate::service::account_codes::CodeError;
use crate::service::account_codes::managed::{AccountCodes, Delivery, Issued};
use crate::service::keys;
use crate::service::post::Outbox;

/// How a code gets to its owner.
#[derive(clap::Args, Debug)]
pub(super) struct DeliveryArgs {
    /// Have authd mail the page to the account's address, and do not show it
    #[arg(long)]
    mail: bool,
}

impl DeliveryArgs {
    pub(super) fn delivery(&self) -> Delivery {
        if self.mail {
            Delivery::Mail
        } else {
            Delivery::Link
        }
    }

    /// Fails if that cannot be, before anything is changed.
    pub(super) fn check(&self, ctx: &Context) -> Result<(), CliError> {
        if self.mail && ctx.config.mail.is_off() {
            return Err(CodeError::NoMail.into());
        }
        Ok(())
    }
}

/// Opens the codes of all accounts, for whoever runs this.
pub(super) fn open(args: &DeliveryArgs, ctx: &Context) -> Result<AccountCodes, CliError> {
    args.check(ctx)?;
    let desk = ctx.management(IfMissing::Fail)?;
    let outbox = if args.mail {
        let sealing = keys::unsealing(desk.store(), &ctx.config.secret_key)?;
        Some(Outbox::new(sealing, Arc::clone(&ctx.sources.random)))
    } else {
        None
    };
    let rules = Arc::new(ctx.config.accounts.clone());
    Ok(AccountCodes::new(desk, rules, outbox))
}

/// The page, which nobody can tell again; with -q alone.
pub(super) fn show(issued: &Issued, ctx: &Context) -> Result<(), CliError> {
    let link = issued.link.as_ref().map(|link| link.expose().as_str());
    let expires_at = issued.expires_at.to_string();
    let document = json!({
        "link": link,
        "mailed": link.is_none(),
        "expires_at": expires_at,
        "user": issued.user,
    });
    let email = issued.user.email.to_string();
    let shown = link.unwrap_or("mailed").to_owned();
    ctx.output.one(
        &document,
        &["link", "email", "expires_at"],
        vec![shown, email, expires_at],
    )?;
    ctx.output.note(match link {
        Some(_) => "The page is shown this once: only a hash of its code is stored.",
        None => "authd sends it as soon as the mail server takes it.",
    });
    Ok(())
}

impl From<CodeError> for CliError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Account(error) => Self::Account(error),
            error => Self::Code(error),
        }
    }
}

//! Accounts that have one address here, where the case of letters does not count.

use std::collections::HashSet;

use clap::ValueEnum;

use super::survey::{Claim, Survey};
use crate::cli::context::Context;
use crate::cli::error::{CliError, OfRows};
use crate::cli::names::{MOST_NAMED, counted, unnamed};
use crate::cli::output;

/// What becomes of accounts that have one address here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnCollision {
    /// Import nothing, and say which they are
    Refuse,
    /// Leave out all but the one that logged in last
    LatestLogin,
    /// Leave out all but the first
    First,
}

/// Those who are left out for another with the same address, by their numbers: a dump may have no keys.
pub(super) fn dropped(
    survey: &Survey,
    on_collision: OnCollision,
    ctx: &Context,
) -> Result<HashSet<u64>, CliError> {
    let mut dropped = HashSet::new();
    for (number, (_, claims)) in survey.collisions.iter().enumerate() {
        let kept = match on_collision {
            OnCollision::LatestLogin => {
                // Of several, the first.
                let claims = claims.iter().enumerate().rev();
                let latest = claims.max_by_key(|(_, claim)| claim.last_login);
                latest.map(|(at, _)| at)
            }
            OnCollision::Refuse | OnCollision::First => Some(0),
        };
        let others = claims.iter().enumerate();
        let others = others.filter(|(at, _)| Some(*at) != kept);
        dropped.extend(others.map(|(_, claim)| claim.number));
        if number < MOST_NAMED {
            let all = claims.iter();
            let all: Vec<_> = all
                .map(|claim| format!("{} ({})", claim.email, claim.pk))
                .collect();
            let all = all.join(", ");
            if on_collision == OnCollision::Refuse {
                output::remark(&format!("one address: {all}"));
            } else {
                let kept = kept.and_then(|at| claims.get(at));
                let kept = kept.map(|claim| claim.pk.as_str()).unwrap_or_default();
                ctx.output
                    .note(&format!("one address: {all}; {kept} comes"));
            }
        }
    }
    if let Some(more) = unnamed(survey.collisions.len(), "address") {
        if on_collision == OnCollision::Refuse {
            output::remark(&more);
        } else {
            ctx.output.note(&more);
        }
    }
    if on_collision == OnCollision::Refuse && !dropped.is_empty() {
        let is_same = |claims: &&Vec<Claim>| claims.iter().all(|one| one.email == claims[0].email);
        let same = survey.collisions.values().filter(is_same).count() as u64;
        let alike = survey.collisions.len() as u64 - same;
        let mut kinds = Vec::new();
        for (count, how) in [
            (alike, "but for the case of letters"),
            (same, "letter by letter"),
        ] {
            if count > 0 {
                kinds.push(format!("{}, {how}", counted(count, "address")));
            }
        }
        let sentence = format!(
            "several accounts have the same address: {}: nothing was imported; mend them, or give --on-collision latest-login or first",
            kinds.join("; ")
        );
        return Err(CliError::Rows(sentence, OfRows::Conflicts));
    }
    Ok(dropped)
}

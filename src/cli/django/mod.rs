//! `authctl import --from django`.

mod catalogue;
mod check;
mod collisions;
mod columns;
mod declared;
mod dump;
mod objects;
mod rows;
mod survey;
mod tables;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;

use super::context::{Context, IfMissing};
use super::error::CliError;
use super::import::{self, Report, Walk};
use super::names::{MOST_NAMED, counted, unnamed};
use super::password::PasswordArgs;
use super::progress;
use crate::domain::email::Email;
use crate::passwords::Legacy;
use crate::service::apply::{self, Declared, Options};
use crate::service::fields;
use crate::service::import::{Importer, Mode};
use crate::service::management::Management;
use crate::store::{DatabaseUrl, ForeignDatabase};
use collisions::{OnCollision, dropped};
use columns::{Columns, Mapping, Target};
use dump::Dump;
use objects::Objects;
use rows::{Plan, UserRows};
use survey::Survey;
use tables::Tables;

/// What only an import from elsewhere needs.
#[derive(clap::Args, Debug)]
pub(super) struct DjangoArgs {
    /// The system that it comes from
    #[arg(long, value_enum)]
    pub(super) from: Option<From>,

    /// Model of the accounts, as accounts.User [default: the only one that looks like accounts]
    #[arg(long, value_name = "APP.MODEL", requires = "from")]
    model: Option<String>,

    /// Where a column (pk: the primary key) goes: field:NAME, external_id, email, ..., or - for nowhere; may
    /// be repeated
    #[arg(long, value_name = "COLUMN=TARGET", requires = "from")]
    map: Vec<Mapping>,

    /// Only ask for the password of this account, and say whether it could log in with it
    #[arg(long, value_name = "EMAIL", requires = "from")]
    check: Option<Email>,

    /// What to do with accounts whose addresses differ in the case of letters only
    #[arg(
        long,
        value_enum,
        default_value = "refuse",
        value_name = "WHAT",
        requires = "from"
    )]
    on_collision: OnCollision,

    /// Take passwords that are hashed with MD5 or SHA-1 once, too
    #[arg(long, requires = "from")]
    accept_legacy: bool,

    /// Do not ask whether the fields that are proposed are right
    #[arg(long, short, requires = "from")]
    yes: bool,

    #[command(flatten)]
    password: PasswordArgs,
}

/// A system that accounts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum From {
    /// A Django project: a dump, its SQLite file or its PostgreSQL database
    Django,
}

pub(super) fn run(args: import::Args, ctx: &mut Context) -> Result<(), CliError> {
    if args.django.check.is_some() && args.django.password.password_stdin {
        let stdin = [Path::new("-"), Path::new("/dev/stdin")];
        if stdin.contains(&args.file.as_path()) {
            return Err(CliError::InputNeeded(
                "a password from elsewhere than standard input, which has the dump,",
                "--password-file",
            ));
        }
    }
    let bar = progress::bar(ctx.output.quiet, "{human_pos}/{human_len}");
    let model = args.django.model.as_ref().map(|model| model.to_lowercase());
    let mut objects = open(&args.file, model.as_deref(), &bar, ctx)?;
    let is_check = args.django.check.is_some();
    let ways = if is_check || args.dry_run { 2 } else { 3 };
    objects.measure(&bar, ways);
    bar.set_message("looking");
    let survey = Survey::of(
        &mut objects,
        model.as_deref(),
        email_column(&args.django.map),
    )?;
    objects.rewind()?;
    if let Some(email) = &args.django.check {
        bar.finish_and_clear();
        return check::check(email, &args.django, survey, &mut objects, ctx);
    }
    let dropped = bar.suspend(|| dropped(&survey, args.django.on_collision, ctx))?;
    let if_missing = if args.dry_run {
        IfMissing::Fail
    } else {
        IfMissing::Create
    };
    let desk = ctx.management(if_missing)?;
    let existing = fields::list(&desk)?;
    let columns = Columns::of(&survey, &args.django.map, &objects.kinds(), &existing)?;
    let plan = Plan {
        survey,
        columns,
        legacy: legacy(&args.django),
        dropped,
    };
    bar.suspend(|| show(&plan, ctx));
    let declared = declared::declared(&plan, &desk)?;
    let mut report = Report::of("user", ctx.output, args.dry_run);
    if args.dry_run || !args.keep_going {
        report = report.of_a_trial();
    }
    let walk = Walk::new(bar, report);
    bring(&args, ctx, &desk, walk, &mut objects, &plan, declared)
}

/// Tries all of it, and brings it in if it fits.
fn bring(
    args: &import::Args,
    ctx: &Context,
    desk: &Management,
    mut walk: Walk,
    objects: &mut Objects,
    plan: &Plan,
    declared: Declared,
) -> Result<(), CliError> {
    let declared = Arc::new(declared);
    let options = |dry_run| Options {
        prune: false,
        dry_run,
        audiences: Vec::new(),
    };
    apply::run(desk, Arc::clone(&declared), options(true))?;
    let on_conflict = args.on_conflict();
    if !args.keep_going || args.dry_run {
        walk.bar.set_message("checking");
        let mut trial = Importer::new(desk, on_conflict)?.after(Arc::clone(&declared));
        walk.follow(&mut rows_of(objects, plan), |rows| trial.try_out(rows))?;
        if args.dry_run || walk.report.has_refused() {
            walk.bar.finish_and_clear();
            return walk.report.finish(!args.dry_run);
        }
        objects.rewind()?;
        walk.report.start_anew();
    }
    if !plan.columns.proposed.is_empty() {
        let ask = || ctx.confirm(args.django.yes, "Make these fields, and import?");
        walk.bar.suspend(ask)?;
    }
    apply::run(desk, declared, options(false))?;
    walk.bar.set_message("importing");
    let mode = if args.keep_going {
        Mode::Each
    } else {
        Mode::All
    };
    let importer = Importer::new(desk, on_conflict)?;
    walk.follow(&mut rows_of(objects, plan), |rows| {
        importer.batch(rows, mode)
    })?;
    walk.bar.finish_and_clear();
    walk.report.finish(false)
}

fn rows_of<'r>(objects: &'r mut Objects, plan: &'r Plan) -> UserRows<'r> {
    UserRows {
        objects,
        plan,
        number: 0,
    }
}

/// A database's URL, an SQLite file, or else a dump.
fn open(
    source: &Path,
    model: Option<&str>,
    bar: &indicatif::ProgressBar,
    ctx: &Context,
) -> Result<Objects, CliError> {
    let text = source.to_string_lossy();
    let wrong = |problem: String| CliError::Value {
        what: "SOURCE".into(),
        problem,
    };
    let url = if ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        let url: Result<DatabaseUrl, _> = text.parse();
        let url = url.map_err(|error| wrong(error.to_string()))?;
        // Where every client of PostgreSQL looks: arguments are seen by everybody on the machine.
        Some(match ctx.environment.find("PGPASSWORD") {
            Some(password) => url.or_password(password),
            None => url,
        })
    } else if text.contains("://") {
        return Err(wrong(
            "the databases that are read are SQLite and PostgreSQL: of another give what 'manage.py dumpdata' writes".into(),
        ));
    } else {
        let mut start = [0; 16];
        // What is no file, as a pipe, is opened once alone, and has no beginning to go back to.
        let is_sqlite = std::fs::metadata(source).is_ok_and(|about| about.is_file())
            && File::open(source).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
            && start == *b"SQLite format 3\0";
        is_sqlite.then(|| DatabaseUrl::Sqlite(source.to_owned()))
    };
    Ok(match url {
        Some(url) => {
            let database = ForeignDatabase::open(&url, ctx.config.database.timeout)?;
            Objects::Tables(Box::new(Tables::open(database, model, bar.clone())?))
        }
        None => Objects::Dump(Box::new(Dump::new(
            import::open(source, true)?,
            bar.clone(),
        ))),
    })
}

/// Which column has the address.
fn email_column(mappings: &[Mapping]) -> &str {
    let mut mapped = mappings
        .iter()
        .filter(|mapping| mapping.target == Target::Common("email"));
    mapped.next().map_or("email", |mapping| &mapping.column)
}

fn legacy(args: &DjangoArgs) -> Legacy {
    if args.accept_legacy {
        Legacy::Accept
    } else {
        Legacy::Refuse
    }
}

/// The error for a model that is not there, or not named.
fn which_model(model: Option<&str>, looks: &[String]) -> CliError {
    let looks = if looks.is_empty() {
        "nothing in it looks like accounts".to_owned()
    } else {
        format!("what looks like accounts is {}", looks.join(", "))
    };
    CliError::Value {
        what: "--model".into(),
        problem: match model {
            Some(model) => format!("there is nothing of '{model}' in it: {looks}"),
            None => format!("name the model of the accounts: {looks}"),
        },
    }
}

/// Says what comes.
fn show(plan: &Plan, ctx: &Context) {
    let Plan {
        survey, columns, ..
    } = plan;
    ctx.output.note(&format!(
        "{} of {}, {}",
        counted(survey.users, "account"),
        survey.model,
        counted(survey.catalogue.descriptions.len() as u64, "permission")
    ));
    if survey.without_key > 0 {
        ctx.output.note(&format!(
            "without primary keys, and so without external ids: {}; write the dump without --natural-primary",
            counted(survey.without_key, "account")
        ));
    }
    for (name, spec, from) in &columns.proposed {
        let length = spec.max_length;
        let length = length.map(|length| format!(", at most {length} characters"));
        ctx.output.note(&format!(
            "new field {name}: {}{} (from {from})",
            spec.kind,
            length.unwrap_or_default()
        ));
    }
    for (name, problem) in &columns.left_out {
        ctx.output
            .note(&format!("left out: the column '{name}': {problem}"));
    }
    let left_out = survey.catalogue.left_out.iter();
    for (name, problem) in left_out.take(MOST_NAMED) {
        ctx.output
            .note(&format!("left out: the permission '{name}': {problem}"));
    }
    if let Some(more) = unnamed(survey.catalogue.left_out.len(), "permission") {
        ctx.output.note(&more);
    }
}

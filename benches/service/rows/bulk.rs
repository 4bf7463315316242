//! Very many users: brought in, carried out, and listed.

use std::time::{Duration, Instant};

use auth::store::users::{self, UserFilter};
use auth::store::{DatabaseSettings, Store, WriteMode};

use crate::Failure;
use crate::bulk::Ran;
use crate::fill;
use crate::report::{self, Report, grouped};
use crate::site::Site;

/// The most memory that a command may take, in MiB.
const REACH: &str = "reach at most 100 MiB";

/// Users on a page.
const PAGE: u32 = 100;

/// Pages measured in a round, at each end.
const PAGES: u32 = 50;

pub(super) fn import(site: &Site, report: &mut Report) -> Result<(), Failure> {
    let bulk = site.bulk()?;
    let users = f64::from(bulk.users);
    let what = format!(
        "{} users into a SQLite file, by authctl import",
        grouped(users)
    );
    report::heading("import", &what);
    print(
        report,
        "import",
        "tried first, then imported",
        bulk.import,
        users,
    );
    print(
        report,
        "import",
        "in one pass (--keep-going)",
        bulk.one_pass,
        users,
    );
    Ok(())
}

pub(super) fn export(site: &Site, report: &mut Report) -> Result<(), Failure> {
    let bulk = site.bulk()?;
    let users = f64::from(bulk.users);
    let what = format!("{} users out of it, by authctl export", grouped(users));
    report::heading("export", &what);
    for format in ["jsonl", "csv", "toml"] {
        let file = format!("export.{format}");
        let ran = bulk.authctl(&["export", "-q", "--format", format, "--file", &file])?;
        print(report, "export", format, ran, users);
    }
    Ok(())
}

pub(super) fn list_depth(site: &Site, report: &mut Report) -> Result<(), Failure> {
    let bulk = site.bulk()?;
    let depth = bulk.users / 10 * 9;
    let what = format!(
        "pages of {PAGE} users: the first, and after {}",
        grouped(depth.into())
    );
    report::heading("list_depth", &what);
    let settings = DatabaseSettings::new(bulk.url().parse()?, Duration::from_secs(5));
    let store = Store::open(&settings, WriteMode::Direct)?;
    let first = UserFilter::default();
    let deep = UserFilter {
        after: Some(fill::id(depth).to_string()),
        ..UserFilter::default()
    };
    let (mut firsts, mut deeps) = (Vec::new(), Vec::new());
    for _ in 0..site.plan.rounds {
        firsts.push(micros_a_page(&store, &first)?);
        deeps.push(micros_a_page(&store, &deep)?);
    }
    for (name, times) in [("the first page", &firsts), ("the deep page", &deeps)] {
        let (median, range) = report::spread(times);
        report::figure(name, &median, &range);
    }
    let ratios: Vec<f64> = deeps
        .iter()
        .zip(&firsts)
        .map(|(deep, first)| deep / first)
        .collect();
    report.ratio("list_depth", "deep / first", &ratios, "at most 2");
    Ok(())
}

fn micros_a_page(store: &Store, filter: &UserFilter) -> Result<f64, Failure> {
    let began = Instant::now();
    for _ in 0..PAGES {
        let page = store.read(|connection| users::list(connection, filter, PAGE))?;
        if page.len() != PAGE as usize {
            return Err("a page is not full".into());
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(PAGES))
}

fn print(report: &mut Report, row: &str, name: &str, ran: Ran, users: f64) {
    let rate = users / ran.took.as_secs_f64();
    let value = format!("{} users/s", grouped(rate.round()));
    let note = format!(
        "{:.1} s; most memory {}; {REACH}",
        ran.took.as_secs_f64(),
        ran.peak
    );
    report.bound(row, name, &value, &note);
}

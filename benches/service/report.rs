//! The table: figures as they come, the ratios again at the end.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use crate::plan::Plan;
use crate::raw;
use crate::stats::{self, Window};

/// What was printed so far that the end needs again.
#[derive(Default)]
pub(crate) struct Report {
    ratios: Vec<String>,
    failures: Vec<String>,
}

impl Report {
    /// One ratio a round: prints the median, the spread, and what to reach (`""`: nothing).
    pub(crate) fn ratio(&mut self, row: &str, name: &str, rounds: &[f64], reach: &str) {
        let (least, most) = stats::range(rounds);
        let mut note = format!("{least:.2} to {most:.2}");
        if !reach.is_empty() {
            let _ = write!(note, "; reach {reach}");
        }
        let value = format!("{:.2}", stats::median(rounds));
        println!("{}", line("ratio", name, &value, &note));
        self.ratios.push(line(row, name, &value, &note));
    }

    /// A bound that is no ratio, repeated at the end.
    pub(crate) fn bound(&mut self, row: &str, name: &str, value: &str, note: &str) {
        println!("{}", line("", name, value, note));
        self.ratios.push(line(row, name, value, note));
    }

    /// Says why a row has no figures.
    pub(crate) fn failed(&mut self, row: &str, failure: &(dyn Error + 'static)) {
        let line = format!("{row:<12}FAILED: {}", sentence(failure));
        println!("{line}");
        self.failures.push(line);
    }

    /// Prints the summary; failure if a row failed.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\nsummary");
        for line in self.ratios.iter().chain(&self.failures) {
            println!("{line}");
        }
        if self.failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Says what the figures were measured on.
pub(crate) fn machine(plan: &Plan, quick: bool) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split_once(": "))
        .map_or("", |(_, name)| name);
    println!("{} cores, {} {model}", raw::cores(), std::env::consts::ARCH);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    println!("Load average before: {load}. Near 0, nobody else was measured.");
    println!("The load comes from the same cores, as does the database; logs go to a file.");
    println!("CPU: of the server for each answer, + of the database's own processes.");
    println!(
        "Medians of {} rounds of {} s, with the lowest and the highest round.",
        plan.rounds,
        plan.round.as_secs()
    );
    if quick {
        println!("--quick: too short to quote.");
    }
}

/// Begins a row.
pub(crate) fn heading(row: &str, what: &str) {
    println!("\n{row:<12}{what}");
}

/// One figure with its unit.
pub(crate) fn figure(name: &str, value: &str, note: &str) {
    println!("{}", line("", name, value, note));
}

/// How many a second and CPU time each, as medians over the rounds with the range of the first.
pub(crate) fn rates(name: &str, unit: &str, rounds: &[Window]) {
    let rates = stats::each(rounds, Window::per_second);
    let (least, most) = stats::range(&rates);
    let cpu = stats::median(&stats::each(rounds, Window::cpu_micros_each));
    let mut cpu = micros(cpu);
    if rounds.iter().all(|round| round.database_cpu.is_some()) {
        let database = stats::each(rounds, Window::database_cpu_micros_each);
        let database = micros(stats::median(&database));
        // A unit that both have is said once.
        cpu = match cpu.strip_suffix(" us") {
            Some(cpu) if database.ends_with("us") => format!("{cpu} + {database}"),
            _ => format!("{cpu} + {database}"),
        };
    }
    let note = format!("{} to {}; CPU {cpu}", whole(least), whole(most));
    let rate = grouped(stats::median(&rates));
    figure(name, &format!("{rate} {unit}/s"), &note);
}

/// The median of some times in microseconds, and their range.
pub(crate) fn spread(values: &[f64]) -> (String, String) {
    let (least, most) = stats::range(values);
    (
        micros(stats::median(values)),
        format!("{} to {}", micros(least), micros(most)),
    )
}

/// An error and its causes on one line.
pub(crate) fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(sentence, ": {error}");
        cause = error.source();
    }
    sentence
}

/// Microseconds, or milliseconds where that reads better.
pub(crate) fn micros(value: f64) -> String {
    if value < 1_000.0 {
        format!("{value:.1} us")
    } else if value < 10_000.0 {
        format!("{:.2} ms", value / 1e3)
    } else {
        format!("{:.1} ms", value / 1e3)
    }
}

/// A number without decimal places, with its thousands set apart.
pub(crate) fn whole(value: f64) -> String {
    grouped(value.round())
}

/// A number with its thousands set apart: `1,234,567`; below a thousand with one decimal place
/// unless it is whole.
pub(crate) fn grouped(value: f64) -> String {
    if value < 1_000.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn line(left: &str, name: &str, value: &str, note: &str) -> String {
    format!("{left:<12}{name:<37}{value:>18}  {note}")
        .trim_end()
        .to_owned()
}

//! The manual pages of both programs, made from their definitions and from the table of
//! configuration keys. What clap_mangen renders well (the options) is its work.

mod configuration;

use std::fmt::Write;

use clap::{Arg, Command};
use clap_mangen::Man;

use super::error::exit_statuses;
use super::reference::Generated;
use super::{authctl, authd};

/// Every page.
pub(super) fn pages() -> Vec<Generated> {
    let mut control = authctl::command();
    control.build();
    let mut pages = vec![program(&control, "1", AUTHCTL_TAIL)];
    pages.extend(commands_of(&control).map(|group| page_of_group(&control, group)));
    let mut daemon = authd::command();
    daemon.build();
    pages.push(program(&daemon, "8", AUTHD_TAIL));
    pages.push(configuration::page());
    pages
}

const FILES: &str = "\
.SH FILES
.TP
.I ./authd.toml, /etc/authd/authd.toml
The configuration of both programs; the first that exists is read.
See
.BR authd.toml (5).
.TP
.I authd.db
The database, in the working directory unless configured.
.I authd.db\\-wal
and
.I authd.db\\-shm
belong to it.
.TP
.I authd.key
The secret that seals the signing keys, beside the database unless configured.
";

const AUTHCTL_TAIL: &str = "\
.SH ENVIRONMENT
.TP
.B AUTHD_CONFIG
The configuration file, if
.B \\-\\-config
is not given.
.TP
.BR AUTHD_DATABASE_URL \", and so on\"
Every configuration key; see
.BR authd.toml (5).
.TP
.BR AUTHD_USER_PASSWORD \", \" AUTHD_USER_PASSWORD_FILE
The new password for
.B user add
and
.BR \"user passwd\" .
.TP
.BR AUTHD_SUPERUSER_EMAIL \", and so on\"
What
.BR authctl\\-createsuperuser (1)
would ask for.
";

const AUTHD_TAIL: &str = "\
.SH SIGNALS
.TP
.BR SIGTERM \", \" SIGINT
Stop accepting connections, finish the requests under way (for
.I server.shutdown_timeout
at most), and exit with 0.
.SH ENVIRONMENT
.TP
.B AUTHD_CONFIG
The configuration file, if
.B \\-\\-config
is not given.
.TP
.BR AUTHD_SERVER_LISTEN \", and so on\"
Every configuration key; see
.BR authd.toml (5).
.TP
.BR AUTHD_SUPERUSER_EMAIL \", \" AUTHD_SUPERUSER_PASSWORD \", \" AUTHD_SUPERUSER_PASSWORD_FILE
The superuser that
.B serve
makes where there is none yet;
.BR AUTHD_SUPERUSER_FIRST_NAME ,
.B _LAST_NAME
and
.B _PHONE_NUMBER
go with them.
";

/// The page of a whole program. A daemon's commands are few, and told in full.
fn program(command: &Command, section: &str, tail: &str) -> Generated {
    let name = command.get_name();
    let mut text = head(name, section, about(command));
    text.push_str(".SH SYNOPSIS\n");
    text.push_str(&synopsis(name, command));
    text.push_str(".SH DESCRIPTION\n");
    text.push_str(&description(command));
    text.push_str(".SH COMMANDS\n");
    if section == "1" {
        for group in commands_of(command) {
            let page = format!("{name}\\-{}", group.get_name());
            write!(text, ".TP\n.BR {page} (1)\n{}.\n", roff(&about(group))).expect(MEMORY);
        }
    } else {
        for (path, verb) in verbs(command, name) {
            text.push_str(&subsection(&path, verb));
        }
    }
    text.push_str(".SH OPTIONS\nThese are accepted before and after every command.\n");
    text.push_str(&options(command.get_arguments()));
    text.push_str(&exit_status(section == "8"));
    text.push_str(tail);
    text.push_str(FILES);
    text.push_str(&examples([command].into_iter()));
    let others: Vec<String> = if section == "1" {
        let groups = commands_of(command).map(|group| format!("{name}-{}", group.get_name()));
        groups.map(|page| format!("{page}(1)")).collect()
    } else {
        vec!["authctl(1)".into(), "authctl-migrate(1)".into()]
    };
    let last = if section == "1" { "authd(8)" } else { "" };
    text.push_str(&see_also(&others, &["authd.toml(5)", last]));
    file(name, section, text)
}

/// The page of a command, or of a group of commands, which follow one another in it.
fn page_of_group(program: &Command, group: &Command) -> Generated {
    let name = format!("{}-{}", program.get_name(), group.get_name());
    let full = format!("{} {}", program.get_name(), group.get_name());
    let verbs = verbs(group, &full);
    let mut text = head(&name, "1", about(group));
    text.push_str(".SH SYNOPSIS\n");
    // A group that does something without a verb is a command, too.
    let is_command = !group.is_subcommand_required_set();
    if is_command {
        text.push_str(&synopsis(&full, group));
    }
    for (index, (path, verb)) in verbs.iter().enumerate() {
        let is_first = index == 0 && !is_command;
        let between = if is_first { "" } else { ".br\n" };
        write!(text, "{between}{}", synopsis(path, verb)).expect(MEMORY);
    }
    text.push_str(".SH DESCRIPTION\n");
    text.push_str(&description(group));
    if !verbs.is_empty() {
        text.push_str(".SH COMMANDS\n");
    }
    for (path, verb) in &verbs {
        text.push_str(&subsection(path, verb));
    }
    text.push_str(".SH OPTIONS\n");
    text.push_str(&options(own_arguments(group)));
    text.push_str(
        ".PP\nThe global options, such as\n.BR \\-\\-output ,\nare in\n.BR authctl (1).\n",
    );
    text.push_str(&exit_status(false));
    text.push_str(FILES);
    let all = [group]
        .into_iter()
        .chain(verbs.iter().map(|(_, verb)| *verb));
    text.push_str(&examples(all));
    text.push_str(&see_also(
        &["authctl(1)".into()],
        &["authd(8)", "authd.toml(5)"],
    ));
    file(&name, "1", text)
}

fn head(name: &str, section: &str, about: String) -> String {
    let title = roff(&name.to_uppercase());
    let version = env!("CARGO_PKG_VERSION");
    let about = lower_first(&about);
    format!(
        ".TH \"{title}\" \"{section}\" \"\" \"authd {version}\" \"authd\"\n\
         .nh\n.ad l\n\
         .SH NAME\n{} \\- {}\n",
        roff(name),
        roff(&about)
    )
}

/// The line that shows how a command is called; only its own options.
fn synopsis(path: &str, command: &Command) -> String {
    let mut line = format!(".B {}\n[\\fIOPTIONS\\fR]", roff(path));
    for positional in own_arguments(command).filter(|argument| argument.is_positional()) {
        let name = positional.get_id().as_str().to_uppercase();
        write!(line, " \\fI{}\\fR", roff(&name)).expect(MEMORY);
    }
    if command.is_subcommand_required_set() {
        line.push_str(" \\fICOMMAND\\fR");
    }
    line + "\n"
}

fn subsection(path: &str, command: &Command) -> String {
    let mut text = format!(".SS \"{}\"\n", roff(path));
    text.push_str(&description(command));
    text.push_str(&options(own_arguments(command)));
    text
}

/// First the one line, then what the long help has beyond it.
fn description(command: &Command) -> String {
    let about = about(command);
    let long = command.get_long_about().map(ToString::to_string);
    let long = long.unwrap_or_default();
    let rest = long.strip_prefix(&about).unwrap_or(&long).trim();
    let mut text = format!("{}.\n", roff(about.trim_end_matches('.')));
    for paragraph in rest.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        text.push_str(&roff(paragraph));
        text.push('\n');
    }
    text
}

/// Options and positional arguments as clap_mangen writes them, without a heading.
fn options<'c>(arguments: impl Iterator<Item = &'c Arg>) -> String {
    let arguments: Vec<Arg> = arguments
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        .cloned()
        .collect();
    if arguments.is_empty() {
        return String::new();
    }
    let command = Command::new("options")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(
            arguments
                .into_iter()
                .map(|argument| argument.help_heading(None)),
        );
    let mut text = Vec::new();
    Man::new(command)
        .render_options_section(&mut text)
        .expect(MEMORY);
    let text = String::from_utf8(text).expect("the generator writes UTF-8");
    // An apostrophe by a macro that is defined only in whole pages of clap_mangen's.
    let text = text.replace("\\*(Aq", "\\(aq");
    match text.split_once(".SH OPTIONS\n") {
        Some((_, options)) => options.to_owned(),
        None => text,
    }
}

fn exit_status(of_daemon: bool) -> String {
    let mut text = String::from(".SH \"EXIT STATUS\"\n.TP\n.B 0\nDone, or already so.\n");
    for (status, meaning) in exit_statuses() {
        if !of_daemon || matches!(status, 1 | 2 | 6 | 7) {
            write!(text, ".TP\n.B {status}\n{}\n", roff(meaning)).expect(MEMORY);
        }
    }
    text
}

/// The indented lines after "Examples:" in the help of these commands.
fn examples<'c>(commands: impl Iterator<Item = &'c Command>) -> String {
    let mut text = String::new();
    for command in commands {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        for line in lines {
            text.push_str(&roff(line));
            text.push('\n');
        }
    }
    if text.is_empty() {
        return text;
    }
    format!(".SH EXAMPLES\n.nf\n{text}.fi\n")
}

fn see_also(pages: &[String], more: &[&str]) -> String {
    let more = more.iter().map(|page| (*page).to_owned());
    let all: Vec<String> = pages.iter().cloned().chain(more).collect();
    let lines: Vec<String> = all
        .iter()
        .filter_map(|page| page.split_once('('))
        .map(|(name, section)| format!(".BR {} ({section}", roff(name)))
        .collect();
    format!(".SH \"SEE ALSO\"\n{}\n", lines.join(",\n"))
}

/// The commands below a group, or the command itself one level down; with their full names.
fn verbs<'c>(group: &'c Command, path: &str) -> Vec<(String, &'c Command)> {
    commands_of(group)
        .flat_map(|verb| {
            let path = format!("{path} {}", verb.get_name());
            let below = verbs(verb, &path);
            if below.is_empty() {
                vec![(path, verb)]
            } else {
                below
            }
        })
        .collect()
}

fn commands_of(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
}

/// Those that are not accepted everywhere.
fn own_arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|argument| !argument.is_global_set())
}

fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Text in which no character means anything to roff.
fn roff(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.starts_with('.') {
                format!("\\&{line}")
            } else {
                line.to_owned()
            }
        })
        .collect();
    lines.join("\n")
}

fn file(name: &str, section: &str, text: String) -> Generated {
    Generated {
        path: format!("man/{name}.{section}"),
        text,
    }
}

const MEMORY: &str = "writing to memory does not fail";

//! Manual pages, completions and the sample configuration, generated from the definitions.

use clap_complete::Shell;
use clap_mangen::Man;

use super::{authctl, authd};
use crate::config::reference::{KEYS, Key, Kind};

/// A generated file: its path below the package's root, and its text.
#[derive(Debug)]
pub struct Generated {
    /// Relative, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Everything that is generated.
pub fn generate() -> Vec<Generated> {
    let mut files = Vec::new();
    manual(authctl::command(), "1", &mut files);
    files.push(page(authd::command(), "authd", "8"));
    files.push(Generated {
        path: "man/authd.toml.5".into(),
        text: configuration_page(),
    });
    files.push(Generated {
        path: "contrib/authd.toml".into(),
        text: sample(),
    });
    for (name, command) in [("authctl", authctl::command()), ("authd", authd::command())] {
        for (shell, file) in [
            (Shell::Bash, format!("{name}.bash")),
            (Shell::Zsh, format!("_{name}")),
            (Shell::Fish, format!("{name}.fish")),
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), name, &mut script);
            files.push(Generated {
                path: format!("completions/{file}"),
                text: utf8(script),
            });
        }
    }
    files
}

/// The page of the program, and one for each of its groups of commands.
fn manual(command: clap::Command, section: &str, files: &mut Vec<Generated>) {
    let mut command = command;
    command.build();
    let program = command.get_name().to_owned();
    for group in command
        .get_subcommands()
        .filter(|group| group.get_name() != "help")
    {
        let name = format!("{program}-{}", group.get_name());
        files.push(page(group.clone(), &name, section));
    }
    files.push(page(command, &program, section));
}

/// One page; a group's commands follow one another in it.
fn page(command: clap::Command, name: &str, section: &str) -> Generated {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut text = Vec::new();
    let man = Man::new(
        command
            .clone()
            .name(name.to_owned())
            .bin_name(name.replace('-', " ")),
    )
    .title(name.to_uppercase())
    .section(section)
    .date("")
    .manual("authd");
    man.render(&mut text)
        .expect("writing to memory does not fail");
    if name.contains('-') || name == "authd" {
        for verb in command
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help")
        {
            let full = format!("{} {}", name.replace('-', " "), verb.get_name());
            let man = Man::new(verb.clone().name(full.clone()).bin_name(full.clone()));
            text.extend(format!(".SH \"{}\"\n", full.to_uppercase()).bytes());
            man.render_description_section(&mut text)
                .expect("writing to memory does not fail");
            man.render_synopsis_section(&mut text)
                .expect("writing to memory does not fail");
            man.render_options_section(&mut text)
                .expect("writing to memory does not fail");
        }
    }
    Generated {
        path: format!("man/{name}.{section}"),
        text: utf8(text),
    }
}

fn configuration_page() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        ".TH AUTHD.TOML 5 \"\" \"\" \"authd\"\n.SH NAME\nauthd.toml \\- configuration of authd and \
         authctl\n.SH DESCRIPTION\nBoth programs read the file that \\-\\-config or AUTHD_CONFIG \
         names, else ./authd.toml, else /etc/authd/authd.toml. A value comes from a flag, else \
         from the environment, else from the file, else it is the default. The environment \
         variable of server.listen is AUTHD_SERVER_LISTEN, and so on; AUTHD_..._FILE names a file \
         that holds the value. Durations and sizes carry their unit (\"15m\", \"64KiB\"). \
         A key that does not exist is an error.\n.SH KEYS\n",
    );
    for key in KEYS {
        let default = match key.default {
            "" => String::new(),
            default => format!(" Default: {default}."),
        };
        let bounds = match key.kind {
            Kind::Text | Kind::List => String::new(),
            kind => format!(" Allowed: {}.", kind.bounds()),
        };
        writeln!(
            text,
            ".TP\n.B {}\n{}{default}{bounds}",
            roff(key.name),
            roff(key.help)
        )
        .expect("writing to memory does not fail");
    }
    text.push_str(
        ".SH FILES\n/etc/authd/authd.toml\n.SH SEE ALSO\n.BR authd (8),\n.BR authctl (1)\n",
    );
    text
}

fn roff(text: &str) -> String {
    text.replace('\\', "\\\\").replace('-', "\\-")
}

/// Every key with its default, commented out.
fn sample() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "# Configuration of authd and authctl. Every value below is the default: take away the '#'\n\
         # to change one. Flags and AUTHD_... variables go before this file; 'authctl config show'\n\
         # says where each value came from. See authd.toml(5).\n",
    );
    let mut section = "";
    for key in KEYS {
        let (owner, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if owner != section {
            section = owner;
            write!(text, "\n[{section}]\n").expect("writing to memory does not fail");
        }
        let comment = wrap(&format!("{} ({})", key.help, key.kind.bounds()));
        write!(text, "\n{comment}#{name} = {}\n", written(key))
            .expect("writing to memory does not fail");
    }
    text
}

/// The default as TOML.
fn written(key: &Key) -> String {
    match key.kind {
        Kind::Count(..) => key.default.to_owned(),
        Kind::List if key.default.is_empty() => "[]".to_owned(),
        Kind::List => format!("[\"{}\"]", key.default),
        _ => format!("\"{}\"", key.default),
    }
}

/// Comment lines of at most 100 characters.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split(' ') {
        if lines
            .last()
            .is_some_and(|line| line.len() + 1 + word.len() > 100)
        {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the generators write UTF-8")
}

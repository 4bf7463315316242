//! What is generated from the definitions and committed: manual pages (`manual`), completions, the
//! sample configuration.

use clap_complete::Shell;

use super::{authctl, authd, manual};
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
    let mut files = manual::pages();
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
                text: String::from_utf8(script).expect("the generator writes UTF-8"),
            });
        }
    }
    files
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
        let comment = match key.kind {
            Kind::Text | Kind::Database | Kind::List => wrap(key.help),
            kind => wrap(&format!("{} ({})", key.help, kind.bounds())),
        };
        write!(text, "\n{comment}#{name} = {}\n", written(key))
            .expect("writing to memory does not fail");
    }
    text
}

/// The default as TOML.
fn written(key: &Key) -> String {
    match key.kind {
        Kind::Count(..) | Kind::FLAG => key.default.to_owned(),
        Kind::List if key.default.is_empty() => "[]".to_owned(),
        Kind::List => {
            let items = key.default.split(',');
            let items: Vec<String> = items.map(|item| format!("\"{}\"", item.trim())).collect();
            format!("[{}]", items.join(", "))
        }
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

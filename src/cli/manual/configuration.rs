//! `authd.toml(5)`, made from the table of keys.

use std::fmt::Write;

use super::{MEMORY, file, head, roff, see_also};
use crate::cli::reference::Generated;
use crate::config::reference::{KEYS, Key, Kind};

pub(super) fn page() -> Generated {
    let mut text = head(
        "authd.toml",
        "5",
        "configuration of authd and authctl".into(),
    );
    text.push_str(CONFIGURATION);
    for key in KEYS {
        text.push_str(&entry(key));
    }
    text.push_str(
        ".SH FILES\n.TP\n.I ./authd.toml\nRead if no other file is named.\n.TP\n\
         .I /etc/authd/authd.toml\nRead if there is none in the working directory.\n\
         .SH EXAMPLES\n.nf\n\
         [server]\nlisten = [\"127.0.0.1:8000\", \"unix:/run/authd/authd.sock\"]\n\
         public_url = \"https://auth.example.com\"\n\n\
         [database]\nurl = \"sqlite:/var/lib/authd/authd.db\"\n\n\
         [tokens]\naccess_ttl = \"10m\"\nclaims = [\"email\", \"is_staff\"]\n.fi\n",
    );
    text.push_str(&see_also(
        &["authctl(1)".into()],
        &["authctl-config(1)", "authd(8)"],
    ));
    file("authd.toml", "5", text)
}

const CONFIGURATION: &str = "\
.SH SYNOPSIS
.I ./authd.toml
.br
.I /etc/authd/authd.toml
.SH DESCRIPTION
.BR authd (8)
and
.BR authctl (1)
read one file, in TOML: the one that
.B \\-\\-config
names, else the one that
.B AUTHD_CONFIG
names, else
.IR ./authd.toml ,
else
.IR /etc/authd/authd.toml .
None is needed: every key has a default.
.PP
A value comes from a flag, else from the environment, else from the file, else it is the default.
.B authctl config show
says where each one came from, and
.B authctl config check
whether all of them can be used.
.PP
The environment variable of
.I server.listen
is
.BR AUTHD_SERVER_LISTEN ,
and so on for every key.
With
.B _FILE
at its end it names a file that holds the value, as containers hand out secrets.
An empty variable counts as none.
A list is written with commas between its items there.
.PP
Durations and sizes carry their unit, as in \"15m\" and \"64KiB\".
A key that does not exist and a value out of its bounds are errors, which name the file, the line,
the key, and what would do; both programs then exit with 2.
.SH KEYS
A key before the dot is the name of a table:
.I server.listen
is
.I listen
in
.IR [server] .
";

fn entry(key: &Key) -> String {
    let mut text = format!(".TP\n.B {}\n{}\n", roff(key.name), roff(key.help));
    match key.kind {
        Kind::Text | Kind::Database => {}
        Kind::List => text.push_str("A list.\n"),
        kind => writeln!(text, "Allowed is {}.", roff(&kind.bounds())).expect(MEMORY),
    }
    if !key.default.is_empty() {
        write!(text, "Default:\n.IR {} .\n", roff(key.default)).expect(MEMORY);
    }
    text
}

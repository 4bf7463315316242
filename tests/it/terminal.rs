//! A person at a terminal of 80 columns: a program behind a real pseudo-terminal.

use std::process::{Command, Stdio};

use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use crate::env::TestEnv;

/// Longer than any step takes on a busy machine.
const TIMEOUT_MS: u64 = 30_000;

/// A terminal in which a line of shell runs.
pub(crate) struct Terminal(PtySession);

/// How the line ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub status: i32,
    /// Whether the terminal shows again what is typed.
    pub echo: bool,
}

impl Terminal {
    /// Runs `authctl` with these arguments.
    pub(crate) fn authctl(env: &TestEnv, arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_authctl");
        Self::shell(env, &format!("{program} {arguments}"))
    }

    /// Runs a line of shell. Ctrl-C reaches the program in it, not the shell around it.
    pub(crate) fn shell(env: &TestEnv, line: &str) -> Self {
        let script = format!(
            "trap : INT\nstty sane cols 80 rows 24\n{line}\nstatus=$?\n\
             case $(stty -a) in *' -echo '*) echo=off;; *) echo=on;; esac\n\
             printf '\\nended with %s, echo %s\\n' $status $echo"
        );
        let mut command: Command = env.command("/bin/sh");
        command
            .args(["-c", &script])
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TERM", "xterm")
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit());
        let options = Options::new()
            .timeout_ms(Some(TIMEOUT_MS))
            .strip_ansi_escape_codes(true);
        Self(spawn_with_options(command, options).expect("starts"))
    }

    /// Waits until this is on the screen and returns what came before it.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> String {
        match self.0.exp_string(text) {
            Ok(before) => before,
            Err(error) => panic!("never shows {text:?}: {error}"),
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.0.send_line(line).expect("types");
    }

    /// Waits for a question and answers it.
    #[track_caller]
    pub(crate) fn answers(&mut self, question: &str, answer: &str) {
        self.shows(question);
        self.types(answer);
    }

    pub(crate) fn presses_ctrl_c(&mut self) {
        self.0.send_control('c').expect("types");
    }

    /// Waits for the end; returns what was on the screen until then, and how it ended.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (String, Ending) {
        let before = utf8(&self.shows("ended with "));
        let rest = self.0.exp_eof().expect("ends");
        let (status, echo) = rest.trim().split_once(", echo ").expect("says both");
        let ending = Ending {
            status: status.parse().expect("is a number"),
            echo: echo == "on",
        };
        let process = self.0.process().wait().expect("waits");
        assert!(matches!(process, WaitStatus::Exited(..)), "{process:?}");
        (before, ending)
    }
}

/// The library takes each byte for a character.
fn utf8(screen: &str) -> String {
    let bytes = screen.chars().map(|c| u8::try_from(c).expect("is a byte"));
    String::from_utf8(bytes.collect()).expect("is UTF-8")
}

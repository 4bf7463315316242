//! A mail server that is not ours, on a port of its own, and what it was given.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::env::{Authd, TestEnv};
use crate::offline::python;

/// A running server. Gone when dropped.
pub(crate) struct MailServer {
    child: Child,
    log: std::path::PathBuf,
    pub(crate) port: u16,
}

impl MailServer {
    /// On a free port.
    pub(crate) fn start(env: &TestEnv) -> Self {
        Self::at(env, 0, &[])
    }

    /// On this port, or on a free one.
    pub(crate) fn at(env: &TestEnv, port: u16, more: &[&str]) -> Self {
        let log = env.path(&format!("mails-{}.jsonl", env.file_names().len()));
        let mut command = env.command(python());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/smtp_server.py");
        command.args([script, &port.to_string()]).args(more);
        command.stdout(Stdio::from(File::create(&log).expect("makes a file")));
        let child = command.spawn().expect("starts");
        let mut server = Self {
            child,
            log,
            port: 0,
        };
        let ready = server.wait_for_lines(1);
        server.port =
            u16::try_from(ready[0]["port"].as_u64().expect("is a number")).expect("is a port");
        server
    }

    /// A daemon whose letters go to this server, in plain text, and whatever else is configured.
    pub(crate) fn authd(&self, env: &TestEnv, more: &[(&str, &str)]) -> Authd {
        let port = self.port.to_string();
        let mut variables = vec![
            ("AUTHD_MAIL_TRANSPORT", "smtp"),
            ("AUTHD_MAIL_HOST", "127.0.0.1"),
            ("AUTHD_MAIL_SECURITY", "none"),
            ("AUTHD_MAIL_FROM", "Example <authd@example.com>"),
            ("AUTHD_MAIL_PORT", &port),
        ];
        variables.extend(more);
        env.authd_with(&[], &variables)
    }

    fn wait_for_lines(&mut self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let lines = self.lines();
            if lines.len() >= count {
                return lines;
            }
            let ended = self.child.try_wait().expect("waits");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            assert!(
                Instant::now() < deadline,
                "{} of {count}: {lines:?}",
                lines.len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).expect("reads");
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("is JSON"))
            .collect()
    }

    /// The file into which it writes what comes.
    pub(crate) fn log(&self) -> &std::path::Path {
        &self.log
    }

    /// What came so far.
    pub(crate) fn mails(&self) -> Vec<Value> {
        self.lines().split_off(1)
    }

    /// The mails that came, once there are as many.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, count: usize) -> Vec<Value> {
        self.wait_for_lines(count + 1).split_off(1)
    }

    /// The mail to this address that came last, once there are as many in all.
    #[track_caller]
    pub(crate) fn last_to(&mut self, email: &str, count: usize) -> Value {
        let mails = self.wait_for(count);
        let mut to = mails.iter().rev().filter(|mail| mail["to"][0] == email);
        to.next()
            .unwrap_or_else(|| panic!("nothing to {email}: {mails:?}"))
            .clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The code in the link of a letter's text.
#[track_caller]
pub(crate) fn code_in(text: &str) -> String {
    let at = text
        .find("token=")
        .unwrap_or_else(|| panic!("no link in {text}"));
    let rest = &text[at + "token=".len()..];
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    rest[..end].to_owned()
}

//! A running daemon, and a client that is not ours.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::env::code;

/// A running daemon. Killed when dropped.
pub(crate) struct Authd {
    pub child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Its first lines on standard output.
    pub greeting: String,
    log: PathBuf,
    agent: ureq::Agent,
}

/// An HTTP answer. `body` is null if it is not JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("is ASCII"))
    }

    /// Asserts that this is a problem with this status and code, marked as every answer is.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.header("x-request-id").len() >= 8);
        let body = &self.body;
        assert_eq!(body["code"], code, "{self:?}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("urn:authd:problem:{code}"));
        for sentence in [&body["title"], &body["detail"]] {
            assert!(sentence.as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}

impl Authd {
    /// Starts the command, which must print the line that says it is ready.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(file.expect("opens the log"))
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let greeting = lines.next().and_then(Result::ok).unwrap_or_default();
        let url = greeting
            .split(' ')
            .find(|word| word.starts_with("http://"))
            .unwrap_or_default();
        assert!(
            greeting.starts_with("authd ready on "),
            "{greeting:?} {}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let url = url.to_owned();
        Self {
            child,
            url,
            greeting,
            log: log.to_owned(),
            agent: config.into(),
        }
    }

    /// `127.0.0.1:PORT`, for raw sockets.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// What it has logged so far. A request's line may come a moment after its answer: this waits
    /// until nothing more comes.
    pub(crate) fn log(&self) -> String {
        let read = || std::fs::read_to_string(&self.log).expect("reads the log");
        let mut log = read();
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = read();
            if now.len() == log.len() {
                return now;
            }
            log = now;
        }
    }

    /// Logs in and returns the token.
    #[track_caller]
    pub(crate) fn login(&self, email: &str, password: &str) -> String {
        let answer = self.try_login(email, password);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["access_token"]
            .as_str()
            .expect("is a string")
            .to_owned()
    }

    pub(crate) fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post_json(
            "/auth/login",
            &json!({"email": email, "password": password}),
        )
    }

    pub(crate) fn verify(&self, token: &str) -> Answer {
        self.get_with(
            "/auth/verify",
            &[("Authorization", &format!("Bearer {token}"))],
        )
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call())
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(
            path,
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send(body))
    }

    /// A request of any method.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_ref().to_vec()).expect("is a request");
        read(self.agent.run(request))
    }

    /// Sends a signal, as `kill -NAME` does.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(killed.expect("kill runs").success());
    }

    /// Waits for the process to end and returns its exit status.
    pub(crate) fn wait(&mut self, at_most: Duration) -> i32 {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return code(status);
            }
            assert!(
                Instant::now() < deadline,
                "authd did not end within {at_most:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Every `ADDRESS:PORT` that it listens at.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let words = self.greeting.split(' ');
        words
            .filter_map(|word| word.strip_prefix("http://"))
            .map(str::to_owned)
            .collect()
    }

    /// The lines of the log, each of which must be one JSON object.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Value::Object(object),
            other => panic!("not a JSON object: {line:?} {other:?}"),
        };
        self.log().lines().map(parse).collect()
    }

    /// The log's lines about requests.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut lines = self.log_lines();
        lines.retain(|line| line["message"] == "request");
        lines
    }

    /// Tells it to stop, and waits until everything is in the database file.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.wait(Duration::from_secs(20)), 0);
    }

    /// As `get_with`, but `None` if the daemon went away.
    pub(crate) fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_read(request.call())
    }

    /// As `post`, but `None` if the daemon went away.
    pub(crate) fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        try_read(request.send(body))
    }
}

impl Drop for Authd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut answer = answer.expect("answers");
    let text = answer.body_mut().read_to_string().expect("is text");
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    }
}

fn try_read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = answer.ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some(Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    })
}

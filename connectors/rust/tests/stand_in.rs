//! A server in authd's place: passes on what it is asked, but for the paths that a test answers itself.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use authd_client::Settings;
use serde_json::Value;

use crate::authd::Authd;

/// What is written in the place of an answer.
pub(crate) type Answer = Arc<dyn Fn(&mut TcpStream) + Send + Sync>;

pub(crate) struct StandIn {
    port: u16,
    authd: &'static Authd,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<(String, String)>>,
}

impl StandIn {
    pub(crate) fn new() -> Self {
        let authd = Authd::shared();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("binds");
        let port = listener.local_addr().expect("has an address").port();
        let shared = Arc::new(Shared::default());
        let (behind, of_all) = (authd.port, Arc::clone(&shared));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_all);
                thread::spawn(move || serve(stream, &shared, behind));
            }
        });
        Self {
            port,
            authd,
            shared,
        }
    }

    /// Answers this path so from now on.
    pub(crate) fn answer(
        &self,
        path: &str,
        answer: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    ) {
        self.shared
            .answers
            .lock()
            .expect("is whole")
            .insert(path.into(), Arc::new(answer));
    }

    /// The same with a whole answer.
    pub(crate) fn say(&self, path: &str, status: &str, header: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{header}\r\n",
            body.len()
        );
        self.answer(path, move |stream| {
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        });
    }

    pub(crate) fn say_json(&self, path: &str, body: &Value) {
        self.say(
            path,
            "200 OK",
            "Content-Type: application/json\r\n",
            body.to_string(),
        );
    }

    /// Passes this path on again.
    pub(crate) fn pass_on(&self, path: &str) {
        self.shared.answers.lock().expect("is whole").remove(path);
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        let asked = self.shared.asked.lock().expect("is whole");
        asked.iter().filter(|(one, _)| one == path).count()
    }

    /// The heads of the questions for this path.
    pub(crate) fn heads(&self, path: &str) -> Vec<String> {
        let asked = self.shared.asked.lock().expect("is whole");
        asked
            .iter()
            .filter(|(one, _)| one == path)
            .map(|(_, head)| head.clone())
            .collect()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn online(&self) -> Settings {
        let settings = Settings::online(self.url()).client("billing", &self.authd.secret);
        settings.issuer(self.authd.url()).check_at_start(false)
    }

    pub(crate) fn cached(&self) -> Settings {
        let settings = Settings::cached(self.url(), "billing", &self.authd.secret);
        settings.issuer(self.authd.url()).check_at_start(false)
    }

    pub(crate) fn offline(&self) -> Settings {
        Settings::offline(self.url())
            .issuer(self.authd.url())
            .check_at_start(false)
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, behind: u16) {
    let Some((head, body)) = question(&mut stream) else {
        return;
    };
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    shared
        .asked
        .lock()
        .expect("is whole")
        .push((path.clone(), head.clone()));
    let answer = shared.answers.lock().expect("is whole").get(&path).cloned();
    if let Some(answer) = answer {
        return answer(&mut stream);
    }
    let head = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let Ok(mut authd) = TcpStream::connect(("127.0.0.1", behind)) else {
        return;
    };
    let asked = authd.write_all(head.as_bytes());
    let asked = asked.and_then(|()| authd.write_all(&body));
    let _ = asked.and_then(|()| std::io::copy(&mut authd, &mut stream));
}

/// The head and the body of a request.
fn question(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end + 4].to_owned();
            let lower = head.to_ascii_lowercase();
            let length = lower
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..].to_vec()));
            }
        }
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
    }
}

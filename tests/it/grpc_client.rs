//! A gRPC client that is not ours: Python's grpcio, with code made from `proto/`.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::env::{Authd, TestEnv};
use crate::offline::python;

/// Makes `authd` speak gRPC on a free port.
pub(crate) const GRPC: (&str, &str) = ("AUTHD_SERVER_GRPC_LISTEN", "127.0.0.1:0");

/// A running client. Killed when dropped.
pub(crate) struct GrpcClient {
    child: Child,
    wishes: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// Where the daemon says that it speaks gRPC.
pub(crate) fn grpc_target(authd: &Authd) -> &str {
    let (_, targets) = authd
        .greeting
        .split_once(" and for gRPC on ")
        .unwrap_or_else(|| panic!("{:?}", authd.greeting));
    targets
}

/// Adds a client; what it shows of itself in the metadata.
pub(crate) fn basic(env: &TestEnv, id: &str) -> String {
    let secret = env.authctl(&["client", "add", id, "-q"]).succeeded().stdout;
    let pair = format!("{id}:{}", secret.trim_end());
    format!("Basic {}", STANDARD.encode(pair))
}

impl GrpcClient {
    pub(crate) fn of(env: &TestEnv, authd: &Authd) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/grpc_client.py");
        let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
        let mut child = env
            .command(python())
            .args([script, grpc_target(authd), proto])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let answers = BufReader::new(child.stdout.take().expect("is piped")).lines();
        Self {
            wishes: child.stdin.take().expect("is piped"),
            answers,
            child,
        }
    }

    /// Has something done and returns what came of it.
    #[track_caller]
    pub(crate) fn ask(&mut self, wish: &Value) -> Value {
        writeln!(self.wishes, "{wish}").expect("is running");
        let answer = self.answers.next().expect("answers").expect("is text");
        serde_json::from_str(&answer).expect("is JSON")
    }

    /// One call of a method with this message.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, message: &Value) -> Value {
        self.ask(&json!({"do": "call", "method": method, "message": message}))
    }

    /// `Introspect` by a client that shows this of itself.
    #[track_caller]
    pub(crate) fn introspect(&mut self, credentials: &str, token: &str) -> Value {
        self.ask(&json!({"do": "call", "method": "Introspect",
            "message": {"token": token}, "metadata": [["authorization", credentials]]}))
    }

    #[track_caller]
    pub(crate) fn verify(&mut self, token: &str) -> Value {
        self.call("Verify", &json!({"token": token}))
    }

    /// `Verify` with nothing in the message and this in the metadata.
    #[track_caller]
    pub(crate) fn verify_with(&mut self, metadata: &[(&str, &str)]) -> Value {
        self.ask(&json!({"do": "call", "method": "Verify", "metadata": metadata}))
    }
}

impl Drop for GrpcClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

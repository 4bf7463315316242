//! Every operation that the API's document knows, with something real at each path.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::env::{Authd, PASSWORD, TestEnv};
use crate::forger::claims_of;

/// A superuser at a daemon, and the operations.
pub(crate) struct Api {
    pub(crate) env: TestEnv,
    pub(crate) authd: Authd,
    /// The superuser's, of a session.
    pub(crate) token: String,
    pub(crate) paths: Vec<Known>,
}

/// A path, and what the document knows of it.
pub(crate) struct Known {
    pub(crate) path: String,
    pub(crate) methods: BTreeSet<String>,
    /// Those with a body of JSON.
    pub(crate) with_json: BTreeSet<String>,
}

/// In the order in which answers name them.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Api {
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        env.add_user("ada@example.com", PASSWORD);
        for command in [
            &["user", "set", "ada@example.com", "--superuser", "true"][..],
            &["group", "add", "billing"],
            &["permission", "add", "invoices.view"],
            &["field", "add", "badge", "--type", "string"],
        ] {
            env.authctl(command).succeeded();
        }
        let authd = env.authd();
        let token = authd.login("ada@example.com", PASSWORD);
        let paths = paths(&authd, &token);
        assert!(paths.len() > 30, "{}", paths.len());
        Self {
            env,
            authd,
            token,
            paths,
        }
    }

    /// The paths with this method.
    pub(crate) fn with<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a str> {
        let known = self.paths.iter();
        let known = known.filter(move |known| known.methods.contains(method));
        known.map(|known| known.path.as_str())
    }

    /// Method and path of each operation that takes JSON.
    pub(crate) fn taking_json(&self) -> impl Iterator<Item = (&str, &str)> {
        self.paths.iter().flat_map(Known::taking_json)
    }
}

impl Known {
    fn taking_json(&self) -> impl Iterator<Item = (&str, &str)> {
        let methods = self.with_json.iter();
        methods.map(|method| (method.as_str(), self.path.as_str()))
    }

    /// The methods as `Allow` has them.
    pub(crate) fn allow(&self) -> String {
        let is_known = |method: &&str| {
            self.methods.contains(*method) || *method == "HEAD" && self.methods.contains("GET")
        };
        METHODS
            .into_iter()
            .filter(is_known)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// All but a proxy's question, which is asked with any method.
fn paths(authd: &Authd, token: &str) -> Vec<Known> {
    let document = authd.get("/api/schema?format=json").body;
    let claims = claims_of(token);
    let text = |name: &str| claims[name].as_str().expect("is a text").to_owned();
    let (user, session) = (text("sub"), text("sid"));
    let bearer = format!("Bearer {token}");
    let groups = authd
        .get_with("/groups", &[("Authorization", &bearer)])
        .body;
    let group = groups["groups"][0]["id"].as_str().expect("is a text");
    let all = document["paths"].as_object().expect("has paths");
    let known = all.iter().map(|(template, item)| {
        let path = template
            .replace("/users/{id}", &format!("/users/{user}"))
            .replace("/sessions/{id}", &format!("/sessions/{session}"))
            .replace("/groups/{id}", &format!("/groups/{group}"))
            .replace("{user}", &user)
            .replace("/fields/{name}", "/fields/badge")
            .replace("{name}", "invoices.view")
            .replace("/graphql/{file}", "/graphql/graphiql.min.js")
            .replace("{file}", "index.html");
        assert!(!path.contains('{'), "what is there at {path}?");
        let operations = item.as_object().expect("has operations");
        let takes_json = |operation: &Value| {
            let content = operation["requestBody"]["content"].as_object();
            content.is_some_and(|content| content.keys().any(|media| media.contains("json")))
        };
        let taking = operations
            .iter()
            .filter(|(_, operation)| takes_json(operation));
        Known {
            path,
            methods: operations
                .keys()
                .map(|method| method.to_uppercase())
                .collect(),
            with_json: taking.map(|(method, _)| method.to_uppercase()).collect(),
        }
    });
    known
        .filter(|known| !known.path.starts_with("/auth/forward"))
        .collect()
}

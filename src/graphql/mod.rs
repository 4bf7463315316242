//! The service as GraphQL: a request as values goes in, the answer's JSON comes out. It knows no HTTP;
//! `http/graphql.rs` carries both.
//!
//! `scan` and `limits` refuse what is too much before anything is done for it; `schema` is made from
//! `docs/schema.graphql` and the installation's own fields; `roots` says who answers which field, and
//! each resource has a file of its own.
//!
//! The crate that executes queries is asynchronous, and everything below is not: a resolver asks the
//! service, which waits for the database. So a request has a thread that may wait, and is executed there
//! from beginning to end ([`Graphql::answer`]). No future of ours ever waits for another, and there is no
//! second runtime whose threads could be used up.

mod account_codes;
mod audit;
mod call;
mod caller;
mod fields;
mod groups;
mod limits;
mod me;
mod operation;
mod own_fields;
mod pages;
mod permissions;
mod reasons;
mod refusal;
mod roots;
mod scan;
mod schema;
mod sessions;
mod tokens;
mod users;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_graphql::dynamic::Schema;
use async_graphql::{Response, Variables};
use futures_executor::block_on;
use serde_json::{Map, Value, json};

use crate::config::Introspection;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::service::Services;

use caller::Caller;
use refusal::{Code, Refusal};
use schema::Schemas;

/// Errors of one answer at most.
const MOST_ERRORS: usize = 5;

/// GraphQL over one service.
pub struct Graphql {
    services: Arc<Services>,
    introspection: Introspection,
    schemas: Schemas,
}

/// A request. It may have a password among its variables, so it cannot be printed.
pub struct Question {
    /// The document.
    pub query: String,
    /// Which of its operations, if there are several.
    pub operation_name: Option<String>,
    /// Values for the operation's variables.
    pub variables: Map<String, Value>,
    /// The bearer token that came with it.
    pub token: Option<Secret<String>>,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is called in the log.
    pub request_id: String,
}

/// What is to be sent back. It may have tokens in it.
pub struct Answer {
    /// `data` and `errors`.
    pub body: Value,
    /// Whether anything was executed. If not, there is no `data`.
    pub is_executed: bool,
    /// Why each field at the top failed, if the service could do nothing at the moment, as while its
    /// database is away.
    pub is_for_later: Option<String>,
}

impl Graphql {
    /// GraphQL over this service.
    pub fn new(services: Arc<Services>, introspection: Introspection) -> Self {
        Self {
            services,
            introspection,
            schemas: Schemas::default(),
        }
    }

    /// Answers a request. Takes a thread that may wait.
    pub fn answer(&self, question: Question) -> Answer {
        let id = question.request_id.clone();
        match self.execute(question) {
            Ok(response) => answer_of(response),
            Err(refusal) => {
                if let Some(error) = refusal.cause() {
                    tracing::error!(id, error, "a GraphQL request failed");
                }
                answer_with(json!({ "errors": [refusal.to_json()] }), false)
            }
        }
    }

    fn execute(&self, question: Question) -> Result<Response, Refusal> {
        scan::check(&question.query)?;
        let document = operation::chosen(
            &question.query,
            question.operation_name.as_deref(),
            &question.variables,
        )?;
        limits::check(&document, &question.variables)?;
        let caller = Caller::of(
            Arc::clone(&self.services),
            question.token,
            question.origin,
            question.request_id,
        );
        let schema = self.schema_for(&caller)?;
        let may_look = match self.introspection {
            Introspection::On => true,
            Introspection::Authenticated => caller.is_known(),
            Introspection::Off => false,
        };
        if !may_look && limits::introspects(&document) {
            return Err(self.no_introspection());
        }
        let variables = Variables::from_json(Value::Object(question.variables));
        let mut request = async_graphql::Request::new(String::new()).variables(variables);
        request.set_parsed_query(document);
        Ok(block_on(schema.execute(request.data(Arc::new(caller)))))
    }

    /// Strangers see the schema that everybody knows: what an installation calls its own fields is not
    /// for them.
    fn schema_for(&self, caller: &Caller) -> Result<Schema, Refusal> {
        if caller.is_known() {
            self.schemas.current(&self.services.store)
        } else {
            Ok(self.schemas.without_own_fields())
        }
    }

    fn no_introspection(&self) -> Refusal {
        match self.introspection {
            Introspection::Authenticated => Refusal::new(
                Code::Forbidden,
                "The schema is shown to whoever sends a good bearer token; see docs/schema.graphql.",
            ),
            _ => Refusal::new(
                Code::Forbidden,
                "The schema is not shown here (graphql.introspection); see docs/schema.graphql.",
            ),
        }
    }
}

fn answer_of(response: Response) -> Answer {
    // What the document does not pass, the executor never begins with: there is neither data nor path.
    let is_executed = response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
        || response.data != async_graphql::Value::Null;
    let mut body = Map::new();
    if is_executed {
        let data = response.data.into_json().unwrap_or_default();
        body.insert("data".to_owned(), data);
    }
    let errors = response.errors.into_iter().take(MOST_ERRORS);
    let errors: Vec<Value> = errors.map(refusal::shown).collect();
    if !errors.is_empty() {
        body.insert("errors".to_owned(), errors.into());
    }
    answer_with(Value::Object(body), is_executed)
}

fn answer_with(body: Value, is_executed: bool) -> Answer {
    let is_for_later = reason_to_wait(&body);
    Answer {
        body,
        is_executed,
        is_for_later,
    }
}

/// The message that all errors have, if each field at the top has one and all are of this kind.
fn reason_to_wait(body: &Value) -> Option<String> {
    let errors = body["errors"].as_array()?;
    let message = errors.first()?["message"].as_str()?;
    let is_alike = |error: &Value| {
        error["extensions"]["code"] == Code::Overloaded.name() && error["message"] == message
    };
    let failed = |field: &String| errors.iter().any(|error| error["path"] == json!([field]));
    let mut fields = body["data"].as_object().into_iter().flat_map(Map::keys);
    (errors.iter().all(is_alike) && fields.all(failed)).then(|| message.to_owned())
}

/// The schema without own fields, as it is served.
#[cfg(test)]
fn sdl() -> String {
    Schemas::default().without_own_fields().sdl()
}

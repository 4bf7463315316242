//! Errors as Django REST framework words them.

use std::collections::BTreeMap;

use rouille::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::problem::{Code, More, Problem};

/// Why a request was not done.
pub(super) enum Refused {
    /// In the words of Django.
    InItsWords(Refusal),
    /// In ours; on its way to the client [`in_its_words`] translates it.
    Problem(Problem),
}

/// An answer that is an error.
pub(super) struct Refusal {
    status: u16,
    body: serde_json::Value,
    header: Option<(&'static str, String)>,
}

/// An error about the request as a whole.
#[derive(Serialize, ToSchema)]
#[schema(as = DjangoError)]
pub(super) struct Body {
    /// What went wrong.
    #[schema(example = "Token is invalid")]
    detail: String,
    /// What went wrong, to branch on; not in every error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, example = "token_not_valid")]
    code: Option<&'static str>,
}

/// What is wrong with each field.
#[derive(ToSchema)]
#[schema(as = DjangoFieldErrors)]
#[expect(dead_code, reason = "for the API's document alone")]
pub(super) struct FieldErrors(BTreeMap<String, Vec<String>>);

/// The challenge of simplejwt.
const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Bearer realm=\"api\"");

impl Refusal {
    /// An error about the request as a whole.
    pub(super) fn detail(status: u16, detail: impl Into<String>) -> Self {
        Self::of(status, detail.into(), None)
    }

    /// 400, with what is wrong with each field.
    pub(super) fn fields(errors: BTreeMap<String, Vec<String>>) -> Self {
        Self {
            status: 400,
            body: json!(errors),
            header: None,
        }
    }

    /// 400, with what is wrong with one field.
    pub(super) fn field(name: &str, sentence: impl Into<String>) -> Self {
        Self::fields([(name.to_owned(), vec![sentence.into()])].into())
    }

    /// 401 with the challenge.
    pub(super) fn unauthorized(detail: impl Into<String>, code: Option<&'static str>) -> Self {
        let (name, value) = CHALLENGE;
        Self {
            header: Some((name, value.to_owned())),
            ..Self::of(401, detail.into(), code)
        }
    }

    /// 401 for a token in a body.
    pub(super) fn bad_token(detail: &'static str) -> Self {
        Self::unauthorized(detail, Some("token_not_valid"))
    }

    /// 401 for the token of the header.
    pub(super) fn bad_access_token(message: &'static str) -> Self {
        let mut refusal = Self::bad_token("Given token not valid for any token type");
        refusal.body["messages"] = json!([{
            "token_class": "AccessToken",
            "token_type": "access",
            "message": message,
        }]);
        refusal
    }

    fn of(status: u16, detail: String, code: Option<&'static str>) -> Self {
        Self {
            status,
            body: json!(Body { detail, code }),
            header: None,
        }
    }

    pub(super) fn into_response(self) -> Response {
        let response = Response::from_data("application/json", self.body.to_string());
        let response = response.with_status_code(self.status);
        match self.header {
            Some((name, value)) => response.with_additional_header(name, value),
            None => response,
        }
    }
}

/// A problem of whatever kind, with the method that was asked for.
pub(in crate::http) fn in_its_words(problem: Problem, method: &str) -> Response {
    let Problem {
        code,
        detail,
        header,
        more,
        ..
    } = problem;
    let header = header.map(|(name, value)| (name, value.into_owned()));
    let refusal = match (code, more) {
        (Code::Invalid, More::Errors(errors)) => Refusal::fields(errors),
        (Code::InvalidToken, _) => {
            return Refusal::bad_access_token("Token is invalid").into_response();
        }
        (Code::NotFound, _) => Refusal::detail(404, "Not found."),
        (Code::MethodNotAllowed, _) => {
            Refusal::detail(405, format!("Method \"{method}\" not allowed."))
        }
        (Code::TooManyRequests, _) => Refusal::detail(429, throttled(header.as_ref())),
        // Nobody there expects another status of a body that breaks rules.
        (Code::Conflict | Code::Invalid, _) => Refusal::detail(400, detail),
        (code, _) => Refusal::detail(code.status(), detail),
    };
    Refusal { header, ..refusal }.into_response()
}

/// What somebody is told who has to wait.
fn throttled(header: Option<&(&'static str, String)>) -> String {
    let wait = header.filter(|(name, _)| *name == "Retry-After");
    match wait.map(|(_, secs)| secs.as_str()) {
        None => "Request was throttled.".to_owned(),
        Some("1") => "Request was throttled. Expected available in 1 second.".to_owned(),
        Some(secs) => format!("Request was throttled. Expected available in {secs} seconds."),
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::InItsWords(refusal)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(problem: Problem) -> (u16, String, Vec<(String, String)>) {
        let response = in_its_words(problem, "PURGE");
        let headers = response.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_string()));
        let headers = headers.filter(|(name, _)| name != "Content-Type").collect();
        let (mut reader, _) = response.data.into_reader_and_size();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).expect("is text");
        (response.status_code, text, headers)
    }

    #[test]
    fn every_problem_has_the_form_of_django_rest_framework() {
        let detail = |text: &str| json!({ "detail": text }).to_string();
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (secs, said) in [(1, "1 second"), (90, "90 seconds")] {
            let text = format!("Request was throttled. Expected available in {said}.");
            let told = told(Problem::too_many_wrong_passwords(secs));
            let retry = header("Retry-After", &secs.to_string());
            assert_eq!(told, (429, detail(&text), retry));
        }
        let (status, text, headers) = told(Problem::overloaded("Too much at once."));
        assert_eq!((status, text), (503, detail("Too much at once.")));
        assert_eq!(headers, header("Retry-After", "2"));
        let wrong = Problem::new(Code::MethodNotAllowed, "").with_header("Allow", "POST");
        let text = detail("Method \"PURGE\" not allowed.");
        assert_eq!(told(wrong), (405, text, header("Allow", "POST")));
        let nothing = Problem::new(Code::NotFound, "There is nothing at this path.");
        assert_eq!(told(nothing), (404, detail("Not found."), vec![]));
        let invalid = Problem::invalid([("email".to_owned(), vec!["Bad.".to_owned()])].into());
        let text = json!({"email": ["Bad."]}).to_string();
        assert_eq!(told(invalid), (400, text, vec![]));
        let (status, text, _) = told(Problem::internal());
        assert_eq!(status, 500);
        assert!(text.starts_with(r#"{"detail":"#), "{text}");
    }
}

//! Bodies of `application/x-www-form-urlencoded`. The wire has bounded them already.

use std::collections::BTreeMap;

use rouille::Request;

use super::error::{OauthCode, OauthError};
use crate::domain::secret::Secret;
use crate::http::body;

/// The parameters of a request's body: each is there once, and is not empty.
pub(in crate::http) struct Form(BTreeMap<String, Secret<String>>);

impl Form {
    /// Reads the body. A parameter that is there twice is refused, an empty one is as good as none
    /// (RFC 6749, section 3.2), and what the query string says is not looked at.
    pub(in crate::http) fn read(request: &Request) -> Result<Self, OauthError> {
        if body::is_present(request) && !body::is_of_type(request, MEDIA_TYPE) {
            let description = "Send the body as 'Content-Type: application/x-www-form-urlencoded'.";
            return Err(OauthError::new(OauthCode::NoForm, description));
        }
        let bytes = body::bytes(request).map_err(OauthError::Failed)?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, OauthError> {
        let mut form = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            let value = Secret::new(value.into_owned());
            if form.insert(name.into_owned(), value).is_some() {
                let description = "A parameter is there more than once.";
                return Err(OauthError::new(OauthCode::InvalidRequest, description));
            }
        }
        form.retain(|_, value| !value.expose().is_empty());
        Ok(Self(form))
    }

    /// The parameter of that name, if it is there.
    pub(in crate::http) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose().as_str())
    }

    /// The parameter of that name, which must be there.
    pub(in crate::http) fn require(&self, name: &'static str) -> Result<&str, OauthError> {
        self.get(name).ok_or_else(|| {
            let description = format!("The parameter '{name}' is missing.");
            OauthError::new(OauthCode::InvalidRequest, description)
        })
    }
}

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_there_once_and_says_something_or_is_not_there() {
        let form = Form::parse(b"token=a%2Bb+c&empty=&bare&x=%ff").map_err(|_| "is refused");
        let form = form.expect("is a form");
        assert_eq!(form.get("token"), Some("a+b c"));
        assert_eq!(form.get("empty"), None);
        assert_eq!(form.get("bare"), None);
        assert_eq!(form.get("TOKEN"), None);
        assert_eq!(form.get("x"), Some("\u{fffd}"));
        for twice in ["a=1&a=1", "a=1&a=", "a&a", "a=1&b=2&%61=3"] {
            assert!(Form::parse(twice.as_bytes()).is_err(), "{twice}");
        }
        assert!(Form::parse(b"").is_ok());
    }
}

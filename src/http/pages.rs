//! Lists, a page at a time.

use rouille::Request;

use super::App;
use super::problem::{Code, Problem};

/// How many a page has at most, and by default.
const MOST: u32 = 1000;
const USUAL: u32 = 100;

/// What a request wants of a list besides the page: the path and the parameters that it was read with.
/// A cursor is good for the same list alone.
pub(super) struct List<'a> {
    request: &'a Request,
    parameters: Vec<(String, String)>,
}

impl<'a> List<'a> {
    /// Reads the query. A parameter that is not known, or there twice, is an error: it would not do
    /// what whoever wrote it wants.
    pub(super) fn read(request: &'a Request, known: &[&str]) -> Result<Self, Problem> {
        let query = form_urlencoded::parse(request.raw_query_string().as_bytes());
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in query.into_owned() {
            let is_known = known.contains(&name.as_str())
                || ["limit", "cursor"].contains(&name.as_str())
                || name.strip_prefix("field.").is_some() && known.contains(&"field.");
            if !is_known || parameters.iter().any(|(other, _)| *other == name) {
                let detail = "A parameter is not known here, or there twice.";
                return Err(Problem::new(Code::InvalidRequest, detail));
            }
            parameters.push((name, value));
        }
        Ok(Self {
            request,
            parameters,
        })
    }

    /// The value of a parameter.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(other, _)| other == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The name and the value of an own field that accounts are to have, from `field.NAME=VALUE`. There is
    /// one at most.
    pub(super) fn own_field(&self) -> Result<Option<(&str, &str)>, Problem> {
        let mut found = self.parameters.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("field.")?;
            Some((name, value.as_str()))
        });
        match (found.next(), found.next()) {
            (one, None) => Ok(one),
            _ => Err(Problem::new(
                Code::InvalidRequest,
                "Accounts are looked for by one own field at a time.",
            )),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        match self.find(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(refused(name, "true or false")),
        }
    }

    /// A value of a type of ours.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Problem> {
        let value = self.find(name).map(str::parse).transpose();
        value.map_err(|error| {
            let detail = format!("The parameter '{name}': {error}.");
            Problem::new(Code::InvalidRequest, detail)
        })
    }

    /// How many are wanted.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.find("limit").map(str::parse) {
            None => Ok(USUAL),
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => Ok(limit),
            Some(_) => Err(refused("limit", "a number from 1 to 1000")),
        }
    }

    /// Where the page begins; `None`: at the start.
    pub(super) fn after(&self, app: &App) -> Result<Option<String>, Problem> {
        let Some(cursor) = self.find("cursor") else {
            return Ok(None);
        };
        let place = app.services.cursors().read(&self.name(), cursor);
        place
            .map(Some)
            .ok_or_else(|| refused("cursor", "the 'next' of an earlier page of the same list"))
    }

    /// The cursor for what comes after this place.
    pub(super) fn cursor(&self, app: &App, next: Option<&str>) -> Option<String> {
        next.map(|place| app.services.cursors().write(&self.name(), place))
    }

    /// Which list it is.
    fn name(&self) -> String {
        let mut parameters: Vec<&(String, String)> = self.parameters.iter().collect();
        parameters.retain(|(name, _)| !["limit", "cursor"].contains(&name.as_str()));
        parameters.sort();
        let mut query = form_urlencoded::Serializer::new(format!("{}?", self.request.url()));
        query.extend_pairs(parameters.iter().map(|(name, value)| (name, value)));
        query.finish()
    }
}

fn refused(name: &'static str, wanted: &str) -> Problem {
    let detail = format!("The parameter '{name}' must be {wanted}.");
    Problem::new(Code::InvalidRequest, detail)
}

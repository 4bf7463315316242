//! `/auth/verify`: is this token good, and who is behind it right now?

use rouille::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::App;
use super::bearer;
use super::body;
use super::problem::{Code, Problem};
use crate::domain::client::Client;
use crate::domain::permission::PermissionName;
use crate::domain::user::User;
use crate::service::verification::{self, Principal, Verification};

/// The token to look at, for callers that do not want it in a header.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenToVerify)]
pub(super) struct Body {
    /// The access token.
    token: String,
}

/// A good token.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(super) struct Reply<'a> {
    /// Always true: anything else is an error.
    active: bool,
    /// The account as it is now; null if the token is a client's.
    #[schema(required = true)]
    user: Option<&'a User>,
    /// The client as it is now, if the token is its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a Client>,
    /// What the account may do: by itself, through its groups or as a superuser.
    #[schema(value_type = Vec<String>)]
    permissions: &'a [PermissionName],
    /// What the token says.
    #[schema(value_type = Object)]
    claims: &'a RawValue,
    /// Position of the latest change to the account, or the client, in the sequence of all changes.
    version: i64,
    /// For how many seconds this answer may be kept.
    max_age: i64,
}

/// Say whether the bearer token is good, and who is behind it right now
///
/// Writes nothing. What `authctl` changes shows at the next call.
#[utoipa::path(
    get, path = "/auth/verify", operation_id = "verify", tag = "auth", security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of an earlier answer about this token")),
    responses(
        (status = 200, description = "The token is good", body = Reply, headers(("ETag" = String, description = "Changes with the answer"))),
        (status = 304, description = "The token is good, and nothing about the answer has changed"),
        bearer::Refused,
    ),
)]
pub(super) fn read(app: &App, request: &Request) -> Result<Response, Problem> {
    let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
    let verification = verification::verify(&app.services, token)?;
    let tag = entity_tag(&verification);
    let known = request.header("If-None-Match");
    let response = if known.is_some_and(|known| names(known, &tag)) {
        Response::empty_204().with_status_code(304)
    } else {
        reply(&verification)
    };
    Ok(response.with_additional_header("ETag", tag))
}

/// Say whether the token in the header or in the body is good, and who is behind it right now
#[utoipa::path(
    post, path = "/auth/verify", operation_id = "verifyToken", tag = "auth", security(("bearer" = []), ()),
    request_body(content = ref("#/components/schemas/TokenToVerify"), description = "Leave it out if the token is in the header"),
    responses(
        (status = 200, description = "The token is good", body = Reply),
        bearer::Refused,
        body::Refused,
    ),
)]
pub(super) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    if !body::is_present(request) {
        let token = bearer::token(request)?.ok_or_else(bearer::missing)?;
        return Ok(reply(&verification::verify(&app.services, token)?));
    }
    let body: Body = body::json(request)?;
    if bearer::token(request)?.is_some() {
        return Err(bearer::malformed());
    }
    let verification = verification::verify(&app.services, &body.token)?;
    Ok(reply(&verification))
}

/// Tokens in one request at most.
pub(super) const MAX_BATCH: usize = 256;

/// Tokens to look at together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokensToVerify)]
pub(super) struct Batch {
    /// The access tokens.
    #[schema(max_items = 256)]
    tokens: Vec<String>,
}

/// What is to be said of each token.
#[derive(Serialize, ToSchema)]
#[schema(as = Verifications)]
pub(super) struct BatchReply<'a> {
    /// In the order of the tokens.
    results: Vec<Verdict<'a>>,
}

/// A good token, or not.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Verdict)]
pub(super) enum Verdict<'a> {
    /// As `/auth/verify` answers it.
    Good(Reply<'a>),
    /// Why not, nobody is told.
    Bad {
        /// Always false.
        active: bool,
    },
}

/// Say of each of many tokens whether it is good, and who is behind it right now
///
/// All are judged as of one moment. The body may be four times as long as others.
#[utoipa::path(
    post, path = "/auth/verify/batch", operation_id = "verifyTokens", tag = "auth", request_body = Batch,
    responses(
        (status = 200, description = "A verdict for each", body = BatchReply),
        body::Refused,
    ),
)]
pub(super) fn batch(app: &App, request: &Request) -> Result<Response, Problem> {
    let body: Batch = body::json(request)?;
    if body.tokens.len() > MAX_BATCH {
        let detail = format!("The body: {MAX_BATCH} tokens at most.");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let verdicts = verification::verify_all(&app.services, &body.tokens)?;
    let results = verdicts.iter().map(|verdict| match verdict {
        Ok(verification) => Verdict::Good(shown(verification)),
        Err(_) => Verdict::Bad { active: false },
    });
    Ok(Response::json(&BatchReply {
        results: results.collect(),
    }))
}

fn reply(verification: &Verification) -> Response {
    Response::json(&shown(verification))
}

fn shown(verification: &Verification) -> Reply<'_> {
    let (user, client) = match &verification.principal {
        Principal::User(user) => (Some(user.as_ref()), None),
        Principal::Client(client) => (None, Some(client.as_ref())),
    };
    Reply {
        active: true,
        user,
        client,
        permissions: user.map_or(&[], |user| &user.permissions),
        claims: &verification.claims.payload,
        version: verification.principal.version(),
        max_age: verification.max_age_secs,
    }
}

/// Says all that an answer depends on: which token, how things stand, how long it may be kept.
fn entity_tag(verification: &Verification) -> String {
    let (jti, version) = (verification.claims.jti, verification.principal.version());
    let fields = names_of_fields(&verification.principal);
    format!("\"{jti}-{version}{fields}-{}\"", verification.max_age_secs)
}

/// Which own fields there are, in short: one that comes or goes changes the answer, though nothing
/// of an account that has no value of it.
fn names_of_fields(principal: &Principal) -> String {
    match principal {
        Principal::User(user) if !user.fields.is_empty() => {
            let mut names = crc32fast::Hasher::new();
            for name in user.fields.keys() {
                names.update(name.as_bytes());
                names.update(b" ");
            }
            format!("-{:08x}", names.finalize())
        }
        _ => String::new(),
    }
}

/// Whether an `If-None-Match` names this tag (RFC 9110, section 13.1.2).
fn names(known: &str, tag: &str) -> bool {
    let mut tags = known.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_tags_may_be_the_one() {
        assert!(names("\"a\"", "\"a\""));
        assert!(names("W/\"a\"", "\"a\""));
        assert!(names("\"b\", \"a\"", "\"a\""));
        assert!(names("*", "\"a\""));
        for other in ["", "a", "\"b\"", "\"aa\"", "\"a", "W/", "**"] {
            assert!(!names(other, "\"a\""), "{other}");
        }
    }
}

//! `POST /oauth/revoke` (RFC 7009).

use rouille::{Request, Response};
use utoipa::ToSchema;

use super::client_auth;
use super::error::{self, OauthCode, OauthError};
use super::form::Form;
use crate::http::problem::Problem;
use crate::http::{App, origin};
use crate::service::revocation::{self, RevokeError};

/// The token to end. The client shows itself by HTTP Basic, or here.
#[derive(ToSchema)]
#[schema(as = RevocationRequest)]
#[expect(dead_code, reason = "describes the form for the API's document")]
pub(in crate::http) struct Body {
    /// A refresh token, an access token or an API token that was given to this client.
    #[schema(format = Password, min_length = 1)]
    token: String,
    /// Not needed: a token of any kind is found.
    #[schema(value_type = String, required = false)]
    token_type_hint: Option<String>,
    /// The client, if it does not show itself by HTTP Basic.
    #[schema(value_type = String, required = false)]
    client_id: Option<String>,
    /// Its secret.
    #[schema(value_type = String, required = false, format = Password)]
    client_secret: Option<String>,
}

/// End a token that was given to the client
///
/// A refresh token ends its session and every token of that; an access token or an API token ends by
/// itself. A token that is unknown, or somebody else's, is answered alike and stays as it is.
#[utoipa::path(
    post, path = "/oauth/revoke", operation_id = "revoke", tag = "oauth", security(("client" = []), ()),
    request_body(content = Body, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is not good any more, if it ever was"),
        error::Refused,
    ),
)]
pub(in crate::http) fn create(app: &App, request: &Request) -> Result<Response, Problem> {
    error::answered(answer(app, request))
}

fn answer(app: &App, request: &Request) -> Result<Response, OauthError> {
    let form = Form::read(request)?;
    let caller = client_auth::holder_of_secret(app, request, &form)?;
    let address = origin::address_of(app, request);
    revocation::revoke(&app.services, &caller, form.require("token")?, address)?;
    Ok(Response::empty_204().with_status_code(200))
}

impl From<RevokeError> for OauthError {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::UnsupportedType => Self::new(
                OauthCode::UnsupportedTokenType,
                "A client's secret is not revoked here: see 'authctl client rotate-secret'.",
            ),
            RevokeError::Keys(error) => error.into(),
            RevokeError::Store(error) => error.into(),
        }
    }
}

"""Be two services with Authlib: one that gets tokens, uses and ends them, and one that is called with
them and asks about them.

Usage: oauth_client.py URL CLIENT_ID AUTH_METHOD

Standard input is a JSON object with the client's secret and a refresh token that was made through the
client. Prints what it saw as JSON.
"""

import json
import os
import sys
from urllib.parse import urlsplit

import requests

# The daemon of a test speaks plain HTTP, on the loopback interface.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.base_client.errors import OAuthError  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc6750.errors import InsufficientScopeError, InvalidTokenError  # noqa: E402
from authlib.oauth2.rfc7662 import IntrospectTokenValidator  # noqa: E402


class Asking(IntrospectTokenValidator):
    """A service that asks about each token it is shown."""

    def __init__(self, session, endpoint):
        super().__init__()
        self.session, self.endpoint = session, endpoint

    def introspect_token(self, token_string):
        response = self.session.introspect_token(self.endpoint, token=token_string)
        response.raise_for_status()
        return response.json()


def verdict(validator, token, scope):
    """What a service would answer to a request with this token that needs this scope."""
    try:
        found = validator.authenticate_token(token)
        validator.validate_token(found, [scope], None)
    except (InvalidTokenError, InsufficientScopeError) as error:
        return error.error
    return "ok"


def main() -> int:
    url, client_id, method = sys.argv[1:]
    given = json.load(sys.stdin)
    metadata = requests.get(f"{url}/.well-known/oauth-authorization-server", timeout=10).json()

    def at(name):
        return url + urlsplit(metadata[name]).path

    def session(secret, **more):
        return OAuth2Session(
            client_id,
            secret,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            **more,
        )

    def refusal(call):
        try:
            call()
        except OAuthError as error:
            return error.error
        return None

    client = session(given["client_secret"])
    token = client.fetch_token(at("token_endpoint"), grant_type="client_credentials", scope="read")
    access = token["access_token"]
    asking = Asking(client, at("introspection_endpoint"))
    seen = {
        "methods": metadata["token_endpoint_auth_methods_supported"],
        "token": {name: token[name] for name in ("token_type", "expires_in", "scope")},
        "introspection": asking.introspect_token(access),
        "asking": [verdict(asking, access, scope) for scope in ("read", "write")],
    }

    fresh = client.refresh_token(at("token_endpoint"), refresh_token=given["refresh_token"])
    seen["refreshed"] = asking.introspect_token(fresh["access_token"])["username"]

    ended = client.revoke_token(
        at("revocation_endpoint"), token=access, token_type_hint="access_token"
    )
    seen["revoked"] = [ended.status_code, asking.introspect_token(access)]
    ended = client.revoke_token(
        at("revocation_endpoint"), token=fresh["refresh_token"], token_type_hint="refresh_token"
    )
    seen["revoked_session"] = [ended.status_code, asking.introspect_token(fresh["access_token"])]
    seen["asking_afterwards"] = verdict(asking, access, "read")

    def fetch(session, **more):
        return lambda: session.fetch_token(at("token_endpoint"), **more)

    seen["refusals"] = [
        refusal(fetch(session("wrong"), grant_type="client_credentials")),
        refusal(fetch(client, grant_type="client_credentials", scope="admin")),
        refusal(fetch(client, grant_type="password", username="ada", password="x")),
        refusal(fetch(client, grant_type="refresh_token", refresh_token=fresh["refresh_token"])),
    ]
    print(json.dumps(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())

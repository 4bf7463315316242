"""What can be known before the first request: that this service and its authd are meant for each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from .client import AuthdClient, Refused
from .conf import Settings
from .errors import InvalidToken, Unavailable

#: Seconds by which clocks differ without a word. `LEEWAY` bears some more.
MOST_APART: Final = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["good", "unknown", "doubtful", "wrong"]
    about: Literal["reachable", "issuer", "keys", "client", "audience", "sync", "clock"]
    sentence: str


def examine(settings: Settings) -> list[Finding]:
    """Asks authd what it is. One that does not answer is no reason not to start: requests are refused meanwhile."""
    client = AuthdClient(settings)
    try:
        return list(_examined(client, settings))
    except Unavailable as trouble:
        return [Finding("unknown", "reachable", f"authd at {settings.url} gives no answer: {trouble}.")]
    finally:
        client.close()


def _examined(client: AuthdClient, settings: Settings) -> Iterator[Finding]:
    issuer = client.issuer()
    if issuer != settings.issuer:
        yield Finding("wrong", "issuer", f'The issuer is {issuer}, and AUTHD["ISSUER"] is {settings.issuer}.')
        return
    yield Finding("good", "issuer", f"The issuer is {issuer}.")
    yield from _clock(client)
    if settings.mode != "online":
        yield _keys(client)
    if settings.has_client:
        yield from _client(client, settings)
    else:
        sentence = 'Whether AUTHD["AUDIENCE"] is right cannot be seen without AUTHD["CLIENT_ID"].'
        yield Finding("unknown", "audience", sentence)


def _clock(client: AuthdClient) -> Iterator[Finding]:
    ahead = client.clock_ahead()
    if ahead is not None and abs(ahead) > MOST_APART:
        where = "behind" if ahead > 0 else "ahead of"
        sentence = f"The clock of this service is {abs(ahead):.0f} seconds {where} authd's: good tokens may be refused."
        yield Finding("doubtful", "clock", sentence)


def _keys(client: AuthdClient) -> Finding:
    found, _ = client.jwks()
    count = len(found["keys"])
    if count == 0:
        return Finding("wrong", "keys", 'authd publishes no keys (HS256?): AUTHD["MODE"] must be "online".')
    return Finding("good", "keys", f"Keys are published: {count}.")


def _client(client: AuthdClient, settings: Settings) -> Iterator[Finding]:
    try:
        token, _ = client.token(resource=settings.audience)
    except Refused as refused:
        if refused.code == "invalid_target":
            sentence = f'AUTHD["AUDIENCE"] is {settings.audience}, which is none of the client\'s audiences.'
            yield Finding("wrong", "audience", sentence)
        else:
            sentence = f'authd knows no client by AUTHD["CLIENT_ID"] and AUTHD["CLIENT_SECRET"] ({refused.code}).'
            yield Finding("wrong", "client", sentence)
        return
    yield Finding("good", "client", f"authd knows the client {settings.client_id}.")
    try:
        client.verify(token)
    except InvalidToken:
        sentence = f"The tokens of users are for another audience than {settings.audience}."
        yield Finding("wrong", "audience", sentence)
        return
    yield Finding("good", "audience", f"Tokens are for {settings.audience}.")
    try:
        client.token(scope="users.view", resource=settings.audience)
        yield Finding("good", "sync", "The client may see users: authd_sync works.")
    except Refused:
        yield Finding("unknown", "sync", "The client has not the scope users.view, which authd_sync needs.")

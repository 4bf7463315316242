//! The keys about proxies, webhooks, GraphQL and Django: how other services ask, and how they hear.

use super::kind::Kind;
use super::reference::{Key, key};

pub(super) const EDGES: &[Key] = &[
    key(
        "forward.cookie",
        Kind::Text,
        "",
        "The cookie in which a browser may bring its access token to /auth/forward, if there is no Authorization: Bearer. By default none is looked at.",
    ),
    key(
        "forward.login_url",
        Kind::Text,
        "",
        "Where /auth/forward?redirect=1 sends people who have no good token, as http(s)://host[:port][/path]. Where they wanted to go is added as the parameter rd, if a trusted proxy said so.",
    ),
    key(
        "forward.id_header",
        Kind::Text,
        "Remote-Id",
        "The header field in which /auth/forward gives the account's id.",
    ),
    key(
        "forward.user_header",
        Kind::Text,
        "Remote-User",
        "The one with the user name, which is the e-mail address.",
    ),
    key(
        "forward.email_header",
        Kind::Text,
        "Remote-Email",
        "The one with the e-mail address.",
    ),
    key(
        "forward.name_header",
        Kind::Text,
        "Remote-Name",
        "The one with first and last name.",
    ),
    key(
        "forward.groups_header",
        Kind::Text,
        "Remote-Groups",
        "The one with the names of the groups, with commas between them.",
    ),
    key(
        "webhooks.allow_private",
        Kind::Choice(&["false", "true"]),
        "false",
        "Whether webhooks may be told at private addresses and over plain http: for receivers in your own network. Whoever adds webhooks can reach what authd can reach then.",
    ),
    key(
        "webhooks.retries",
        Kind::List,
        "5s, 5m, 30m, 2h, 5h, 10h, 14h",
        "How long to wait after a message to a webhook has failed once, twice and so on. After the last of these attempts it is given up.",
    ),
    key(
        "graphql.enabled",
        Kind::FLAG,
        "true",
        "Whether there is GraphQL at /graphql, and its page for browsers.",
    ),
    key(
        "graphql.introspection",
        Kind::Choice(&["authenticated", "on", "off"]),
        "authenticated",
        "Who may ask /graphql for its schema: whoever has a good bearer token, whoever asks, or nobody. Without a token the schema has no own fields: what they are called is not for strangers.",
    ),
    key(
        "compat.django",
        Kind::FLAG,
        "false",
        "Whether the paths of Django's simplejwt (/api/token/...) and djoser (/auth/users/..., /auth/jwt/...) are answered, in their words, and access tokens carry their claims token_type and user_id. docs/from-django.md lists what differs.",
    ),
    key(
        "compat.jwt_prefix",
        Kind::FLAG,
        "false",
        "Whether 'Authorization: JWT ...', as of django-graphql-jwt, is taken for 'Authorization: Bearer ...', at every path.",
    ),
];

-- What was done, by whom: each event with a hash over the one before (docs/audit.md).

CREATE TABLE audit_events_before AS SELECT * FROM audit_events;
DROP TABLE audit_events;

CREATE TABLE audit_events (
    number     BIGINT NOT NULL PRIMARY KEY CHECK (number > 0), -- without gaps
    form       BIGINT NOT NULL,                           -- how the hash is made
    id         TEXT COLLATE "C" NOT NULL,                 -- UUID version 7, hyphenated
    created_at BIGINT NOT NULL,                           -- Unix milliseconds
    event      TEXT COLLATE "C" NOT NULL,                 -- as 'user.added'
    result     TEXT COLLATE "C" NOT NULL CHECK (result IN ('ok', 'denied', 'failed')),
    actor_kind TEXT COLLATE "C" NOT NULL CHECK (
        actor_kind IN ('user', 'client', 'operator', 'anonymous', 'daemon', 'unknown')),
    actor_id   TEXT COLLATE "C",                          -- of the user or client; the operator's name
    address    TEXT COLLATE "C",                          -- IP address
    user_id    TEXT COLLATE "C",
    client_id  TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    token_id   TEXT COLLATE "C",                          -- of an API token; jti of a signed one
    key_id     TEXT COLLATE "C",
    group_id   TEXT COLLATE "C",
    permission TEXT COLLATE "C",
    detail     TEXT COLLATE "C" NOT NULL,                 -- a JSON object
    hash       BYTEA NOT NULL CHECK (length(hash) = 32)
);

-- Of events about nobody in particular, too: whether an account is known takes no other time.
CREATE INDEX audit_events_of_user ON audit_events (user_id, number);
CREATE INDEX audit_events_by_user ON audit_events (actor_id, number)
    WHERE actor_kind = 'user' AND actor_id IS DISTINCT FROM user_id;
CREATE INDEX audit_events_in_time ON audit_events (created_at, number);

-- The rows of audit_events_before are written anew, with hashes, and the table is dropped, by
-- src/store/audit/carry_over.rs.

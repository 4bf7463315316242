-- What was done, by whom: each event with a hash over the one before (docs/audit.md).

CREATE TABLE audit_events_before AS SELECT * FROM audit_events;
DROP TABLE audit_events;

CREATE TABLE audit_events (
    number     INTEGER NOT NULL PRIMARY KEY CHECK (number > 0), -- without gaps
    form       INTEGER NOT NULL,                      -- how the hash is made
    id         TEXT    NOT NULL,                      -- UUID version 7, hyphenated
    created_at INTEGER NOT NULL,                      -- Unix milliseconds
    event      TEXT    NOT NULL,                      -- as 'user.added'
    result     TEXT    NOT NULL CHECK (result IN ('ok', 'denied', 'failed')),
    actor_kind TEXT    NOT NULL CHECK (
        actor_kind IN ('user', 'client', 'operator', 'anonymous', 'daemon', 'unknown')),
    actor_id   TEXT,                                  -- of the user or client; the operator's name
    address    TEXT,                                  -- IP address
    user_id    TEXT,
    client_id  TEXT,
    session_id TEXT,
    token_id   TEXT,                                  -- of an API token; jti of a signed one
    key_id     TEXT,
    group_id   TEXT,
    permission TEXT,
    detail     TEXT    NOT NULL,                      -- a JSON object
    hash       BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Of events about nobody in particular, too: whether an account is known takes no other time.
CREATE INDEX audit_events_of_user ON audit_events (user_id, number);
CREATE INDEX audit_events_by_user ON audit_events (actor_id, number)
    WHERE actor_kind = 'user' AND actor_id IS DISTINCT FROM user_id;
CREATE INDEX audit_events_in_time ON audit_events (created_at, number);

-- The rows of audit_events_before are written anew, with hashes, and the table is dropped, by
-- src/store/audit/carry_over.rs.

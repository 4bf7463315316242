-- Services that ask on their own behalf (RFC 6749, section 2), and tokens for scripts.

CREATE TABLE clients (
    id          TEXT    NOT NULL PRIMARY KEY,         -- client_id
    name        TEXT    NOT NULL DEFAULT '',
    secret_hash BLOB    NOT NULL,                     -- SHA-256 of the secret
    scopes      TEXT    NOT NULL DEFAULT '',          -- what it may ask for; words with spaces between
    audiences   TEXT    NOT NULL DEFAULT '',          -- whose tokens are its business; the same form
    is_active   INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at  INTEGER NOT NULL,                     -- Unix seconds
    version     INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE api_tokens (
    id         TEXT    NOT NULL PRIMARY KEY,          -- UUID version 7, hyphenated
    hash       BLOB    NOT NULL UNIQUE,               -- SHA-256 of the whole token
    user_id    TEXT    REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT    REFERENCES clients (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    scope      TEXT    NOT NULL DEFAULT '',           -- words with spaces between
    created_at INTEGER NOT NULL,                      -- Unix milliseconds
    expires_at INTEGER,                               -- Unix seconds; null: never
    CHECK ((user_id IS NULL) <> (client_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX api_tokens_of_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_of_client ON api_tokens (client_id, id);

-- Logins and what keeps them going; what ended before its time.

-- A session that has ended has no row.
CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,          -- UUID version 7, hyphenated; the claim sid
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT    REFERENCES clients (id) ON DELETE CASCADE,
    method     TEXT    NOT NULL,                      -- how the user was known: RFC 8176, as 'pwd'
    scope      TEXT    NOT NULL DEFAULT '',           -- words with spaces between
    address    TEXT,                                  -- IP address of the login
    user_agent TEXT,
    created_at INTEGER NOT NULL                       -- Unix milliseconds
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id, id);
CREATE INDEX sessions_of_client ON sessions (client_id, id);

-- A token is used up once there is one of the next generation.
CREATE TABLE refresh_tokens (
    session_id TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL CHECK (generation >= 0),
    hash       BLOB    NOT NULL,                      -- SHA-256 of the whole token
    created_at INTEGER NOT NULL,                      -- Unix milliseconds
    PRIMARY KEY (session_id, generation)
) STRICT, WITHOUT ROWID;

-- Signed tokens that are refused though nothing else about them is wrong.
CREATE TABLE revoked_tokens (
    jti        TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL                       -- Unix seconds; it is refused anyway from then on
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- What ended, for whoever follows (ADR 9). What happens to users is in their own rows.
CREATE TABLE revocations (
    version    INTEGER NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('session', 'token', 'key', 'client')),
    id         TEXT    NOT NULL,                      -- of the session, token (jti), key (kid) or client
    created_at INTEGER NOT NULL                       -- Unix seconds
) STRICT;

-- The highest version that was pruned from revocations.
ALTER TABLE change_sequence ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;

CREATE TABLE audit_events (
    id         TEXT    NOT NULL PRIMARY KEY,          -- UUID version 7, hyphenated
    created_at INTEGER NOT NULL,                      -- Unix milliseconds
    event      TEXT    NOT NULL,                      -- as 'refresh_token.reused'
    user_id    TEXT,
    client_id  TEXT,
    session_id TEXT,
    key_id     TEXT,
    address    TEXT
) STRICT, WITHOUT ROWID;

-- When a key begins to sign, and for how long it verifies after that (ADR 7).

ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER;      -- Unix seconds; of a next key: when it becomes active
ALTER TABLE signing_keys ADD COLUMN verifies_until INTEGER;  -- Unix seconds; of a retired key: its tokens are good until then

-- One key signs, whatever its algorithm, and one waits.
DROP INDEX signing_keys_one_active;
CREATE UNIQUE INDEX signing_keys_in_turn ON signing_keys (state) WHERE state IN ('active', 'next');

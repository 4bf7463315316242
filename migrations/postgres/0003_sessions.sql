-- Services that ask on their own behalf (RFC 6749, section 2), and tokens for scripts.

CREATE TABLE clients (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,        -- client_id
    name        TEXT COLLATE "C" NOT NULL DEFAULT '',
    secret_hash BYTEA NOT NULL,                               -- SHA-256 of the secret
    scopes      TEXT COLLATE "C" NOT NULL DEFAULT '',         -- what it may ask for; words with spaces between
    audiences   TEXT COLLATE "C" NOT NULL DEFAULT '',         -- whose tokens are its business; the same form
    is_active   BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL,                              -- Unix seconds
    version     BIGINT NOT NULL UNIQUE
);

CREATE TABLE api_tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,         -- UUID version 7, hyphenated
    hash       BYTEA NOT NULL UNIQUE,                         -- SHA-256 of the whole token
    user_id    TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT COLLATE "C" REFERENCES clients (id) ON DELETE CASCADE,
    name       TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL DEFAULT '',          -- words with spaces between
    created_at BIGINT NOT NULL,                               -- Unix milliseconds
    expires_at BIGINT,                                        -- Unix seconds; null: never
    CHECK ((user_id IS NULL) <> (client_id IS NULL))
);

CREATE INDEX api_tokens_of_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_of_client ON api_tokens (client_id, id);

-- Logins and what keeps them going; what ended before its time.

-- A session that has ended has no row.
CREATE TABLE sessions (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,         -- UUID version 7, hyphenated; the claim sid
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT COLLATE "C" REFERENCES clients (id) ON DELETE CASCADE,
    method     TEXT COLLATE "C" NOT NULL,                     -- how the user was known: RFC 8176, as 'pwd'
    scope      TEXT COLLATE "C" NOT NULL DEFAULT '',          -- words with spaces between
    address    TEXT COLLATE "C",                              -- IP address of the login
    user_agent TEXT COLLATE "C",
    created_at BIGINT NOT NULL                                -- Unix milliseconds
);

CREATE INDEX sessions_of_user ON sessions (user_id, id);
CREATE INDEX sessions_of_client ON sessions (client_id, id);

-- A token is used up once there is one of the next generation.
CREATE TABLE refresh_tokens (
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL CHECK (generation >= 0),
    hash       BYTEA NOT NULL,                                -- SHA-256 of the whole token
    created_at BIGINT NOT NULL,                               -- Unix milliseconds
    PRIMARY KEY (session_id, generation)
);

-- Signed tokens that are refused though nothing else about them is wrong.
CREATE TABLE revoked_tokens (
    jti        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL                                -- Unix seconds; it is refused anyway from then on
);

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- What ended, for whoever follows (ADR 9). What happens to users is in their own rows.
CREATE TABLE revocations (
    version    BIGINT NOT NULL PRIMARY KEY,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('session', 'token', 'key', 'client')),
    id         TEXT COLLATE "C" NOT NULL,                     -- of the session, token (jti), key (kid) or client
    created_at BIGINT NOT NULL                                -- Unix seconds
);

-- The highest version that was pruned from revocations.
ALTER TABLE change_sequence ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;

CREATE TABLE audit_events (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,         -- UUID version 7, hyphenated
    created_at BIGINT NOT NULL,                               -- Unix milliseconds
    event      TEXT COLLATE "C" NOT NULL,                     -- as 'refresh_token.reused'
    user_id    TEXT COLLATE "C",
    client_id  TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    key_id     TEXT COLLATE "C",
    address    TEXT COLLATE "C"
);

-- When a key begins to sign, and for how long it verifies after that (ADR 7).

ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT;      -- Unix seconds; of a next key: when it becomes active
ALTER TABLE signing_keys ADD COLUMN verifies_until BIGINT;  -- Unix seconds; of a retired key: its tokens are good until then

-- One key signs, whatever its algorithm, and one waits.
DROP INDEX signing_keys_one_active;
CREATE UNIQUE INDEX signing_keys_in_turn ON signing_keys (state) WHERE state IN ('active', 'next');

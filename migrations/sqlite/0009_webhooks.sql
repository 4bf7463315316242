-- Where other services want to be told what becomes of accounts, and how far they were.

CREATE TABLE webhooks (
    id            TEXT    NOT NULL PRIMARY KEY,       -- UUID version 7, hyphenated
    url           TEXT    NOT NULL,
    events        TEXT    NOT NULL,                   -- names with spaces between
    sealed_secret BLOB    NOT NULL,                   -- sealed for the label 'webhook' and the id
    created_at    INTEGER NOT NULL,                   -- Unix seconds
    told_until    INTEGER NOT NULL,                   -- a version: all changes up to it were told
    failures      INTEGER NOT NULL DEFAULT 0,         -- of the message after that
    retry_at      INTEGER NOT NULL DEFAULT 0,         -- Unix milliseconds
    claimed_until INTEGER NOT NULL DEFAULT 0,         -- Unix milliseconds: one node is at it
    delivered_at  INTEGER,                            -- Unix milliseconds
    last_error    TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_dead_letters (
    webhook_id TEXT    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL,                      -- perhaps of an account that was deleted since
    version    INTEGER NOT NULL,                      -- of the message that was given up
    error      TEXT    NOT NULL,
    died_at    INTEGER NOT NULL,                      -- Unix milliseconds
    is_due     INTEGER NOT NULL CHECK (is_due IN (0, 1)), -- somebody wants another attempt
    PRIMARY KEY (webhook_id, user_id)
) STRICT, WITHOUT ROWID;

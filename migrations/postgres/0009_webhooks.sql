-- Where other services want to be told what becomes of accounts, and how far they were.

CREATE TABLE webhooks (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,      -- UUID version 7, hyphenated
    url           TEXT COLLATE "C" NOT NULL,
    events        TEXT COLLATE "C" NOT NULL,                  -- names with spaces between
    sealed_secret BYTEA  NOT NULL,                            -- sealed for the label 'webhook' and the id
    created_at    BIGINT NOT NULL,                            -- Unix seconds
    told_until    BIGINT NOT NULL,                            -- a version: all changes up to it were told
    failures      BIGINT NOT NULL DEFAULT 0,                  -- of the message after that
    retry_at      BIGINT NOT NULL DEFAULT 0,                  -- Unix milliseconds
    claimed_until BIGINT NOT NULL DEFAULT 0,                  -- Unix milliseconds: one node is at it
    delivered_at  BIGINT,                                     -- Unix milliseconds
    last_error    TEXT COLLATE "C"
);

CREATE TABLE webhook_dead_letters (
    webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    user_id    TEXT COLLATE "C" NOT NULL,                     -- perhaps of an account that was deleted since
    version    BIGINT NOT NULL,                               -- of the message that was given up
    error      TEXT COLLATE "C" NOT NULL,
    died_at    BIGINT NOT NULL,                               -- Unix milliseconds
    is_due     BOOLEAN NOT NULL,                              -- somebody wants another attempt
    PRIMARY KEY (webhook_id, user_id)
);

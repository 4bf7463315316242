-- Codes that let somebody do one thing with an account, once; and mails that wait to be sent.

CREATE TABLE account_codes (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash        BYTEA NOT NULL UNIQUE,                        -- SHA-256 of the code
    purpose     TEXT COLLATE "C" NOT NULL CHECK (purpose IN (
        'password_reset', 'invitation', 'email_confirmation', 'email_change', 'registration')),
    user_id     TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    account_key TEXT COLLATE "C",                             -- 'email_key' of the account at that time
    email       TEXT COLLATE "C" NOT NULL,                    -- the address that the code is for
    email_key   TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,                              -- Unix milliseconds
    expires_at  BIGINT NOT NULL,                              -- Unix seconds
    -- Who registers has no account yet.
    CHECK ((user_id IS NULL) = (purpose = 'registration')),
    CHECK ((user_id IS NULL) = (account_key IS NULL))
);

CREATE INDEX account_codes_of_user ON account_codes (user_id, purpose) WHERE user_id IS NOT NULL;
CREATE INDEX account_codes_of_address ON account_codes (email_key) WHERE user_id IS NULL;
CREATE INDEX account_codes_expiring ON account_codes (expires_at);

-- What is to be mailed is sealed under the installation's secret: it may hold a code.
CREATE TABLE outgoing_mail (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed      BYTEA NOT NULL,
    due_at      BIGINT NOT NULL,                              -- Unix milliseconds: nobody takes it before
    expires_at  BIGINT NOT NULL,                              -- Unix milliseconds: nobody wants it after
    attempts    BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX outgoing_mail_due ON outgoing_mail (due_at, id);

-- The 'email_key' that was last shown to be its owner's. Another address is not confirmed by it.
ALTER TABLE users ADD COLUMN confirmed_key TEXT COLLATE "C";

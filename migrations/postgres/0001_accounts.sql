-- Accounts, and the sequence that numbers every change to them (ADR 9).

CREATE TABLE change_sequence (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL CHECK (value >= 0)
);

INSERT INTO change_sequence (id, value) VALUES (1, 0);

-- Texts are compared by their bytes, as on SQLite: COLLATE "C".
CREATE TABLE users (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- UUID version 7, hyphenated
    email              TEXT COLLATE "C" NOT NULL,              -- as typed, NFC
    email_key          TEXT COLLATE "C" NOT NULL UNIQUE,       -- lower case, domain in ASCII
    first_name         TEXT COLLATE "C" NOT NULL DEFAULT '',
    last_name          TEXT COLLATE "C" NOT NULL DEFAULT '',
    phone_number       TEXT COLLATE "C",                       -- E.164
    password_hash      TEXT COLLATE "C",                       -- PHC string; null: cannot log in
    is_active          BOOLEAN NOT NULL,
    is_staff           BOOLEAN NOT NULL,
    is_superuser       BOOLEAN NOT NULL,
    date_joined        BIGINT NOT NULL,                        -- Unix seconds
    last_login         BIGINT,                                 -- Unix seconds
    tokens_valid_after BIGINT,                                 -- Unix milliseconds; older tokens are refused
    version            BIGINT NOT NULL UNIQUE
);

CREATE TABLE user_tombstones (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    deleted_at BIGINT NOT NULL,                                -- Unix seconds
    version    BIGINT NOT NULL UNIQUE
);

-- Accounts, and the sequence that numbers every change to them (ADR 9).

CREATE TABLE change_sequence (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;

INSERT INTO change_sequence (id, value) VALUES (1, 0);

CREATE TABLE users (
    id                 TEXT    NOT NULL PRIMARY KEY,  -- UUID version 7, hyphenated
    email              TEXT    NOT NULL,              -- as typed, NFC
    email_key          TEXT    NOT NULL UNIQUE,       -- lower case, domain in ASCII
    first_name         TEXT    NOT NULL DEFAULT '',
    last_name          TEXT    NOT NULL DEFAULT '',
    phone_number       TEXT,                          -- E.164
    password_hash      TEXT,                          -- PHC string; null: cannot log in
    is_active          INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    is_staff           INTEGER NOT NULL CHECK (is_staff IN (0, 1)),
    is_superuser       INTEGER NOT NULL CHECK (is_superuser IN (0, 1)),
    date_joined        INTEGER NOT NULL,              -- Unix seconds
    last_login         INTEGER,                       -- Unix seconds
    tokens_valid_after INTEGER,                       -- Unix milliseconds; older tokens are refused
    version            INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE user_tombstones (
    id         TEXT    NOT NULL PRIMARY KEY,
    deleted_at INTEGER NOT NULL,                      -- Unix seconds
    version    INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    first_name    TEXT NOT NULL DEFAULT '',
    phone_number  TEXT NOT NULL DEFAULT '',
    password      TEXT DEFAULT 'hash',
    unit          TEXT CHECK (length(unit) < 10),
    old_pk        INTEGER,
    is_staff      INTEGER NOT NULL DEFAULT 0,
    is_active     INTEGER NOT NULL DEFAULT 1,
    authd_sub     TEXT UNIQUE,
    authd_version INTEGER
) STRICT;
CREATE INDEX users_by_address ON users (lower(email));
CREATE TABLE authd_cursor (issuer TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
CREATE TABLE authd_deleted (authd_sub TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;

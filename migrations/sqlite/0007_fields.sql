-- The installation's own fields, and what accounts have in them.

CREATE TABLE fields (
    name          TEXT    NOT NULL PRIMARY KEY,       -- as 'cost_center'
    type          TEXT    NOT NULL,
    label         TEXT    NOT NULL DEFAULT '',
    is_required   INTEGER NOT NULL CHECK (is_required IN (0, 1)),
    is_unique     INTEGER NOT NULL CHECK (is_unique IN (0, 1)),
    is_indexed    INTEGER NOT NULL CHECK (is_indexed IN (0, 1)),
    default_value TEXT,                               -- JSON
    choices       TEXT,                               -- of an enum: a JSON list of texts
    max_length    INTEGER,                            -- characters
    pattern       TEXT,                               -- a regular expression for all of the text
    min_value     TEXT,                               -- JSON
    max_value     TEXT,                               -- JSON
    self_read     INTEGER NOT NULL CHECK (self_read IN (0, 1)),
    self_write    INTEGER NOT NULL CHECK (self_write IN (0, 1)),
    in_token      INTEGER NOT NULL CHECK (in_token IN (0, 1)),
    created_at    INTEGER NOT NULL,                   -- Unix seconds
    version       INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE user_fields (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    field      TEXT    NOT NULL REFERENCES fields (name) ON UPDATE CASCADE ON DELETE CASCADE,
    value      TEXT    NOT NULL,                      -- JSON, not null
    lookup     TEXT,                                  -- alike for what is one value
    is_unique  INTEGER NOT NULL CHECK (is_unique IN (0, 1)),   -- as in 'fields'
    is_indexed INTEGER NOT NULL CHECK (is_indexed IN (0, 1)),  -- as in 'fields'
    PRIMARY KEY (user_id, field)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_fields_of_field ON user_fields (field, user_id);
CREATE INDEX user_fields_indexed ON user_fields (field, lookup, user_id) WHERE is_indexed;
CREATE UNIQUE INDEX user_fields_unique ON user_fields (field, lookup) WHERE is_unique;

-- What follows from user_fields for an account, so that a verification reads one row of it: a JSON
-- object of what it has. Whatever changes that table writes this in the same transaction.
ALTER TABLE users ADD COLUMN field_values TEXT NOT NULL DEFAULT '{}';

-- The installation's own fields, and what accounts have in them.

CREATE TABLE fields (
    name          TEXT COLLATE "C" NOT NULL PRIMARY KEY,      -- as 'cost_center'
    type          TEXT COLLATE "C" NOT NULL,
    label         TEXT COLLATE "C" NOT NULL DEFAULT '',
    is_required   BOOLEAN NOT NULL,
    is_unique     BOOLEAN NOT NULL,
    is_indexed    BOOLEAN NOT NULL,
    default_value TEXT COLLATE "C",                           -- JSON
    choices       TEXT COLLATE "C",                           -- of an enum: a JSON list of texts
    max_length    BIGINT,                                     -- characters
    pattern       TEXT COLLATE "C",                           -- a regular expression for all of the text
    min_value     TEXT COLLATE "C",                           -- JSON
    max_value     TEXT COLLATE "C",                           -- JSON
    self_read     BOOLEAN NOT NULL,
    self_write    BOOLEAN NOT NULL,
    in_token      BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL,                            -- Unix seconds
    version       BIGINT NOT NULL UNIQUE
);

CREATE TABLE user_fields (
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    field      TEXT COLLATE "C" NOT NULL REFERENCES fields (name) ON UPDATE CASCADE ON DELETE CASCADE,
    value      TEXT COLLATE "C" NOT NULL,                     -- JSON, not null
    lookup     TEXT COLLATE "C",                              -- alike for what is one value
    is_unique  BOOLEAN NOT NULL,                              -- as in 'fields'
    is_indexed BOOLEAN NOT NULL,                              -- as in 'fields'
    PRIMARY KEY (user_id, field)
);

CREATE INDEX user_fields_of_field ON user_fields (field, user_id);
CREATE INDEX user_fields_indexed ON user_fields (field, lookup, user_id) WHERE is_indexed;
CREATE UNIQUE INDEX user_fields_unique ON user_fields (field, lookup) WHERE is_unique;

-- What follows from user_fields for an account, so that a verification reads one row of it: a JSON
-- object of what it has. Whatever changes that table writes this in the same transaction.
ALTER TABLE users ADD COLUMN field_values TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- Groups, and what accounts may do.

CREATE TABLE groups (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,         -- UUID version 7, hyphenated
    name       TEXT COLLATE "C" NOT NULL UNIQUE,              -- NFC
    created_at BIGINT NOT NULL,                               -- Unix seconds
    version    BIGINT NOT NULL UNIQUE
);

CREATE TABLE group_members (
    user_id  TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
);

CREATE INDEX group_members_of_group ON group_members (group_id, user_id);

CREATE TABLE permissions (
    name        TEXT COLLATE "C" NOT NULL PRIMARY KEY,        -- as 'users.view'
    description TEXT COLLATE "C" NOT NULL DEFAULT '',
    is_builtin  BOOLEAN NOT NULL
);

CREATE TABLE group_permissions (
    group_id   TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    permission TEXT COLLATE "C" NOT NULL REFERENCES permissions (name) ON DELETE CASCADE,
    PRIMARY KEY (group_id, permission)
);

CREATE INDEX group_permissions_of_permission ON group_permissions (permission, group_id);

CREATE TABLE user_permissions (
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission TEXT COLLATE "C" NOT NULL REFERENCES permissions (name) ON DELETE CASCADE,
    PRIMARY KEY (user_id, permission)
);

CREATE INDEX user_permissions_of_permission ON user_permissions (permission, user_id);

-- What follows from all these for an account, so that a verification reads one row. Whatever changes
-- them writes these in the same transaction. Sorted, with line ends between.
ALTER TABLE users ADD COLUMN group_names TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN permission_names TEXT COLLATE "C" NOT NULL DEFAULT '';

INSERT INTO permissions (name, is_builtin) VALUES
    ('audit.view', TRUE),
    ('clients.add', TRUE), ('clients.change', TRUE), ('clients.delete', TRUE), ('clients.view', TRUE),
    ('groups.add', TRUE), ('groups.change', TRUE), ('groups.delete', TRUE), ('groups.view', TRUE),
    ('keys.add', TRUE), ('keys.change', TRUE), ('keys.delete', TRUE), ('keys.view', TRUE),
    ('sessions.add', TRUE), ('sessions.change', TRUE), ('sessions.delete', TRUE), ('sessions.view', TRUE),
    ('users.add', TRUE), ('users.change', TRUE), ('users.delete', TRUE), ('users.view', TRUE);

-- Superusers have them all.
UPDATE users SET permission_names = (SELECT string_agg(name, chr(10) ORDER BY name) FROM permissions)
WHERE is_superuser;

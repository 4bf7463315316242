-- Groups, and what accounts may do.

CREATE TABLE groups (
    id         TEXT    NOT NULL PRIMARY KEY,          -- UUID version 7, hyphenated
    name       TEXT    NOT NULL UNIQUE,               -- NFC
    created_at INTEGER NOT NULL,                      -- Unix seconds
    version    INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE group_members (
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_of_group ON group_members (group_id, user_id);

CREATE TABLE permissions (
    name        TEXT    NOT NULL PRIMARY KEY,         -- as 'users.view'
    description TEXT    NOT NULL DEFAULT '',
    is_builtin  INTEGER NOT NULL CHECK (is_builtin IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE group_permissions (
    group_id   TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    permission TEXT NOT NULL REFERENCES permissions (name) ON DELETE CASCADE,
    PRIMARY KEY (group_id, permission)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_permissions_of_permission ON group_permissions (permission, group_id);

CREATE TABLE user_permissions (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission TEXT NOT NULL REFERENCES permissions (name) ON DELETE CASCADE,
    PRIMARY KEY (user_id, permission)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_permissions_of_permission ON user_permissions (permission, user_id);

-- What follows from all these for an account, so that a verification reads one row. Whatever changes
-- them writes these in the same transaction. Sorted, with line ends between.
ALTER TABLE users ADD COLUMN group_names TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN permission_names TEXT NOT NULL DEFAULT '';

INSERT INTO permissions (name, is_builtin) VALUES
    ('audit.view', 1),
    ('clients.add', 1), ('clients.change', 1), ('clients.delete', 1), ('clients.view', 1),
    ('groups.add', 1), ('groups.change', 1), ('groups.delete', 1), ('groups.view', 1),
    ('keys.add', 1), ('keys.change', 1), ('keys.delete', 1), ('keys.view', 1),
    ('sessions.add', 1), ('sessions.change', 1), ('sessions.delete', 1), ('sessions.view', 1),
    ('users.add', 1), ('users.change', 1), ('users.delete', 1), ('users.view', 1);

-- Superusers have them all.
UPDATE users SET permission_names = (SELECT string_agg(name, char(10) ORDER BY name) FROM permissions)
WHERE is_superuser;

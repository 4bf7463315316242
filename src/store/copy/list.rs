//! What an installation consists of: every table but the record of migrations.

use super::letters;
use super::tables::Table;
use super::webhooks;
use crate::store::engine::Kind::{Bool, Bytes, Integer, Text};

/// How many there are.
pub(super) const COUNT: usize = 23;

/// Every table; one that refers to another comes after it.
pub(super) static TABLES: [Table; COUNT] = [
    Table {
        name: "users",
        columns: &[
            ("id", Text),
            ("email", Text),
            ("email_key", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("phone_number", Text),
            ("password_hash", Text),
            ("is_active", Bool),
            ("is_staff", Bool),
            ("is_superuser", Bool),
            ("date_joined", Integer),
            ("last_login", Integer),
            ("tokens_valid_after", Integer),
            ("version", Integer),
            ("group_names", Text),
            ("permission_names", Text),
            ("field_values", Text),
            ("confirmed_key", Text),
            ("external_id", Text),
        ],
        count: "SELECT count(*) FROM users",
        added: "SELECT count(*) FROM users",
        select: "
            SELECT id, email, email_key, first_name, last_name, phone_number, password_hash,
                is_active, is_staff, is_superuser, date_joined, last_login, tokens_valid_after,
                version, group_names, permission_names, field_values, confirmed_key,
                external_id
            FROM users ORDER BY id",
        insert: "
            INSERT INTO users (id, email, email_key, first_name, last_name, phone_number,
                password_hash, is_active, is_staff, is_superuser, date_joined, last_login,
                tokens_valid_after, version, group_names, permission_names, field_values,
                confirmed_key, external_id)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18, ?19)",
    },
    Table {
        name: "user_tombstones",
        columns: &[("id", Text), ("deleted_at", Integer), ("version", Integer)],
        count: "SELECT count(*) FROM user_tombstones",
        added: "SELECT count(*) FROM user_tombstones",
        select: "SELECT id, deleted_at, version FROM user_tombstones ORDER BY id",
        insert: "INSERT INTO user_tombstones (id, deleted_at, version) VALUES (?1, ?2, ?3)",
    },
    Table {
        name: "permissions",
        columns: &[("name", Text), ("description", Text), ("is_builtin", Bool)],
        count: "SELECT count(*) FROM permissions",
        added: "SELECT count(*) FROM permissions WHERE NOT is_builtin",
        select: "SELECT name, description, is_builtin FROM permissions ORDER BY name",
        insert: "
            INSERT INTO permissions (name, description, is_builtin)
            VALUES (?1, ?2, ?3)
            ON CONFLICT (name) DO UPDATE SET description = excluded.description",
    },
    Table {
        name: "groups",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("created_at", Integer),
            ("version", Integer),
        ],
        count: "SELECT count(*) FROM groups",
        added: "SELECT count(*) FROM groups",
        select: "SELECT id, name, created_at, version FROM groups ORDER BY id",
        insert: "INSERT INTO groups (id, name, created_at, version) VALUES (?1, ?2, ?3, ?4)",
    },
    Table {
        name: "group_members",
        columns: &[("user_id", Text), ("group_id", Text)],
        count: "SELECT count(*) FROM group_members",
        added: "SELECT count(*) FROM group_members",
        select: "SELECT user_id, group_id FROM group_members ORDER BY user_id, group_id",
        insert: "INSERT INTO group_members (user_id, group_id) VALUES (?1, ?2)",
    },
    Table {
        name: "group_permissions",
        columns: &[("group_id", Text), ("permission", Text)],
        count: "SELECT count(*) FROM group_permissions",
        added: "SELECT count(*) FROM group_permissions",
        select: "
            SELECT group_id, permission FROM group_permissions ORDER BY group_id, permission",
        insert: "INSERT INTO group_permissions (group_id, permission) VALUES (?1, ?2)",
    },
    Table {
        name: "user_permissions",
        columns: &[("user_id", Text), ("permission", Text)],
        count: "SELECT count(*) FROM user_permissions",
        added: "SELECT count(*) FROM user_permissions",
        select: "SELECT user_id, permission FROM user_permissions ORDER BY user_id, permission",
        insert: "INSERT INTO user_permissions (user_id, permission) VALUES (?1, ?2)",
    },
    Table {
        name: "fields",
        columns: &[
            ("name", Text),
            ("type", Text),
            ("label", Text),
            ("is_required", Bool),
            ("is_unique", Bool),
            ("is_indexed", Bool),
            ("default_value", Text),
            ("choices", Text),
            ("max_length", Integer),
            ("pattern", Text),
            ("min_value", Text),
            ("max_value", Text),
            ("self_read", Bool),
            ("self_write", Bool),
            ("in_token", Bool),
            ("created_at", Integer),
            ("version", Integer),
        ],
        count: "SELECT count(*) FROM fields",
        added: "SELECT count(*) FROM fields",
        select: "
            SELECT name, type, label, is_required, is_unique, is_indexed, default_value, choices,
                max_length, pattern, min_value, max_value, self_read, self_write, in_token,
                created_at, version
            FROM fields ORDER BY name",
        insert: "
            INSERT INTO fields (name, type, label, is_required, is_unique, is_indexed,
                default_value, choices, max_length, pattern, min_value, max_value, self_read,
                self_write, in_token, created_at, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    },
    Table {
        name: "user_fields",
        columns: &[
            ("user_id", Text),
            ("field", Text),
            ("value", Text),
            ("lookup", Text),
            ("is_unique", Bool),
            ("is_indexed", Bool),
        ],
        count: "SELECT count(*) FROM user_fields",
        added: "SELECT count(*) FROM user_fields",
        select: "
            SELECT user_id, field, value, lookup, is_unique, is_indexed
            FROM user_fields ORDER BY user_id, field",
        insert: "
            INSERT INTO user_fields (user_id, field, value, lookup, is_unique, is_indexed)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    },
    Table {
        name: "clients",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("secret_hash", Bytes),
            ("scopes", Text),
            ("audiences", Text),
            ("is_active", Bool),
            ("created_at", Integer),
            ("version", Integer),
        ],
        count: "SELECT count(*) FROM clients",
        added: "SELECT count(*) FROM clients",
        select: "
            SELECT id, name, secret_hash, scopes, audiences, is_active, created_at, version
            FROM clients ORDER BY id",
        insert: "
            INSERT INTO clients (id, name, secret_hash, scopes, audiences, is_active,
                created_at, version)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    },
    Table {
        name: "api_tokens",
        columns: &[
            ("id", Text),
            ("hash", Bytes),
            ("user_id", Text),
            ("client_id", Text),
            ("name", Text),
            ("scope", Text),
            ("created_at", Integer),
            ("expires_at", Integer),
        ],
        count: "SELECT count(*) FROM api_tokens",
        added: "SELECT count(*) FROM api_tokens",
        select: "
            SELECT id, hash, user_id, client_id, name, scope, created_at, expires_at
            FROM api_tokens ORDER BY id",
        insert: "
            INSERT INTO api_tokens (id, hash, user_id, client_id, name, scope, created_at,
                expires_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    },
    Table {
        name: "sessions",
        columns: &[
            ("id", Text),
            ("user_id", Text),
            ("client_id", Text),
            ("method", Text),
            ("scope", Text),
            ("address", Text),
            ("user_agent", Text),
            ("created_at", Integer),
        ],
        count: "SELECT count(*) FROM sessions",
        added: "SELECT count(*) FROM sessions",
        select: "
            SELECT id, user_id, client_id, method, scope, address, user_agent, created_at
            FROM sessions ORDER BY id",
        insert: "
            INSERT INTO sessions (id, user_id, client_id, method, scope, address, user_agent,
                created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    },
    Table {
        name: "refresh_tokens",
        columns: &[
            ("session_id", Text),
            ("generation", Integer),
            ("hash", Bytes),
            ("created_at", Integer),
        ],
        count: "SELECT count(*) FROM refresh_tokens",
        added: "SELECT count(*) FROM refresh_tokens",
        select: "
            SELECT session_id, generation, hash, created_at
            FROM refresh_tokens ORDER BY session_id, generation",
        insert: "
            INSERT INTO refresh_tokens (session_id, generation, hash, created_at)
            VALUES (?1, ?2, ?3, ?4)",
    },
    Table {
        name: "revoked_tokens",
        columns: &[("jti", Text), ("expires_at", Integer)],
        count: "SELECT count(*) FROM revoked_tokens",
        added: "SELECT count(*) FROM revoked_tokens",
        select: "SELECT jti, expires_at FROM revoked_tokens ORDER BY jti",
        insert: "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?1, ?2)",
    },
    Table {
        name: "revocations",
        columns: &[
            ("version", Integer),
            ("kind", Text),
            ("id", Text),
            ("created_at", Integer),
        ],
        count: "SELECT count(*) FROM revocations",
        added: "SELECT count(*) FROM revocations",
        select: "SELECT version, kind, id, created_at FROM revocations ORDER BY version",
        insert: "
            INSERT INTO revocations (version, kind, id, created_at)
            VALUES (?1, ?2, ?3, ?4)",
    },
    letters::ACCOUNT_CODES,
    letters::OUTGOING_MAIL,
    Table {
        name: "audit_events",
        columns: &[
            ("number", Integer),
            ("form", Integer),
            ("id", Text),
            ("created_at", Integer),
            ("event", Text),
            ("result", Text),
            ("actor_kind", Text),
            ("actor_id", Text),
            ("address", Text),
            ("user_id", Text),
            ("client_id", Text),
            ("session_id", Text),
            ("token_id", Text),
            ("key_id", Text),
            ("group_id", Text),
            ("permission", Text),
            ("detail", Text),
            ("hash", Bytes),
        ],
        count: "SELECT count(*) FROM audit_events",
        added: "SELECT count(*) FROM audit_events",
        select: "
            SELECT number, form, id, created_at, event, result, actor_kind, actor_id, address,
                user_id, client_id, session_id, token_id, key_id, group_id, permission, detail,
                hash
            FROM audit_events ORDER BY number",
        insert: "
            INSERT INTO audit_events (number, form, id, created_at, event, result, actor_kind,
                actor_id, address, user_id, client_id, session_id, token_id, key_id, group_id,
                permission, detail, hash)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18)",
    },
    Table {
        name: "signing_keys",
        columns: &[
            ("kid", Text),
            ("algorithm", Text),
            ("public_jwk", Text),
            ("sealed_private", Bytes),
            ("state", Text),
            ("created_at", Integer),
            ("signs_from", Integer),
            ("verifies_until", Integer),
        ],
        count: "SELECT count(*) FROM signing_keys",
        added: "SELECT count(*) FROM signing_keys",
        select: "
            SELECT kid, algorithm, public_jwk, sealed_private, state, created_at, signs_from,
                verifies_until
            FROM signing_keys ORDER BY kid",
        insert: "
            INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, state,
                created_at, signs_from, verifies_until)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    },
    Table {
        name: "idempotent_requests",
        columns: &[
            ("caller", Text),
            ("key_hash", Bytes),
            ("fingerprint", Bytes),
            ("began_at", Integer),
            ("status", Integer),
            ("body", Text),
            ("location", Text),
            ("etag", Text),
        ],
        count: "SELECT count(*) FROM idempotent_requests",
        added: "SELECT count(*) FROM idempotent_requests",
        select: "
            SELECT caller, key_hash, fingerprint, began_at, status, body, location, etag
            FROM idempotent_requests ORDER BY caller, key_hash",
        insert: "
            INSERT INTO idempotent_requests (caller, key_hash, fingerprint, began_at, status,
                body, location, etag)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    },
    webhooks::WEBHOOKS,
    webhooks::DEAD_LETTERS,
    Table {
        name: "change_sequence",
        columns: &[
            ("id", Integer),
            ("value", Integer),
            ("pruned", Integer),
            ("tokens_pruned", Integer),
        ],
        count: "SELECT count(*) FROM change_sequence",
        added: "SELECT count(*) FROM change_sequence WHERE value <> 0",
        select: "SELECT id, value, pruned, tokens_pruned FROM change_sequence ORDER BY id",
        insert: "
            INSERT INTO change_sequence (id, value, pruned, tokens_pruned)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (id) DO UPDATE SET value = excluded.value, pruned = excluded.pruned,
                tokens_pruned = excluded.tokens_pruned",
    },
];

-- Keys that sign tokens (ADR 7). The private half is sealed by a secret that is not in the database.

CREATE TABLE signing_keys (
    kid            TEXT    NOT NULL PRIMARY KEY,      -- RFC 7638 thumbprint
    algorithm      TEXT    NOT NULL,                  -- JWS name, as 'EdDSA'
    public_jwk     TEXT    NOT NULL,                  -- RFC 7517, public members only
    sealed_private BLOB    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    created_at     INTEGER NOT NULL                   -- Unix seconds
) STRICT;

CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (algorithm) WHERE state = 'active';

-- Keys that sign tokens (ADR 7). The private half is sealed by a secret that is not in the database.

CREATE TABLE signing_keys (
    kid            TEXT COLLATE "C" NOT NULL PRIMARY KEY,      -- RFC 7638 thumbprint
    algorithm      TEXT COLLATE "C" NOT NULL,                  -- JWS name, as 'EdDSA'
    public_jwk     TEXT COLLATE "C" NOT NULL,                  -- RFC 7517, public members only
    sealed_private BYTEA NOT NULL,
    state          TEXT COLLATE "C" NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    created_at     BIGINT NOT NULL                             -- Unix seconds
);

CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (algorithm) WHERE state = 'active';

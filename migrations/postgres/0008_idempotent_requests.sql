-- Requests that create something and came with an Idempotency-Key, and what they were answered.

CREATE TABLE idempotent_requests (
    caller      TEXT COLLATE "C" NOT NULL,                    -- 'user:' or 'client:' and its id
    key_hash    BYTEA NOT NULL,                               -- SHA-256 of the key
    fingerprint BYTEA NOT NULL,                               -- of the request, under the service's secret
    began_at    BIGINT NOT NULL,                              -- Unix milliseconds
    status      BIGINT,                                       -- null: not answered yet
    body        TEXT COLLATE "C",
    location    TEXT COLLATE "C",
    etag        TEXT COLLATE "C",
    PRIMARY KEY (caller, key_hash)
);

CREATE INDEX idempotent_requests_began ON idempotent_requests (began_at);

-- Requests that create something and came with an Idempotency-Key, and what they were answered.

CREATE TABLE idempotent_requests (
    caller      TEXT    NOT NULL,                     -- 'user:' or 'client:' and its id
    key_hash    BLOB    NOT NULL,                     -- SHA-256 of the key
    fingerprint BLOB    NOT NULL,                     -- of the request, under the service's secret
    began_at    INTEGER NOT NULL,                     -- Unix milliseconds
    status      INTEGER,                              -- null: not answered yet
    body        TEXT,
    location    TEXT,
    etag        TEXT,
    PRIMARY KEY (caller, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotent_requests_began ON idempotent_requests (began_at);

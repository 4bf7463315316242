-- Accounts that come from another system.

-- Password hashes that were not made here: ours begin with '$', theirs with a letter.
CREATE INDEX users_foreign_hashes ON users (password_hash) WHERE password_hash >= 'a';

-- What the account was called there: the primary key of its row.
ALTER TABLE users ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX users_external_id ON users (external_id);

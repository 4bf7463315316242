-- Revoked tokens that ended by then (Unix seconds) were forgotten: none that ended by then is good, even
-- if the clock is set back.

ALTER TABLE change_sequence ADD COLUMN tokens_pruned BIGINT NOT NULL DEFAULT 0;

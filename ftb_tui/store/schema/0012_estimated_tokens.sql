-- Whether the service left out the tokens of some answers. Their rows then hold an estimate, which the record of what
-- was sent with them says of each.
ALTER TABLE evaluations ADD COLUMN tokens_estimated INTEGER NOT NULL DEFAULT 0 CHECK (tokens_estimated IN (0, 1));

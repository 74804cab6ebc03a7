-- What asks a model that works for the user, as a judge say, about a dataset: who is at it at this moment, and until when
-- that holds unless it is renewed.
CREATE TABLE paid_runs (
  paid_run_key INTEGER PRIMARY KEY,
  what         TEXT NOT NULL UNIQUE,
  owner        TEXT,
  lease_until  REAL
) STRICT;

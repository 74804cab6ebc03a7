-- What judges' requests took, whatever came of them: a reply in no form costs as well. Prices are those of the moment.
CREATE TABLE judge_requests (
  judge_request_key INTEGER PRIMARY KEY,
  provider          TEXT NOT NULL,
  model             TEXT NOT NULL,
  prompt_tokens     INTEGER,
  completion_tokens INTEGER,
  price_input       REAL,
  price_output      REAL,
  created_at        REAL NOT NULL
) STRICT;
CREATE INDEX judge_requests_by_time ON judge_requests (created_at);

-- Other wordings of trained questions that models wrote. A person keeps or rejects them; a rule rejects with a reason.
CREATE TABLE paraphrases (
  paraphrase_key INTEGER PRIMARY KEY,
  dataset_id     TEXT NOT NULL REFERENCES datasets,
  question_id    TEXT NOT NULL,
  text           TEXT NOT NULL,
  provider       TEXT NOT NULL,
  model          TEXT NOT NULL,
  prompt_version INTEGER NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('proposed', 'kept', 'rejected')),
  reason         TEXT NOT NULL DEFAULT '',
  created_at     REAL NOT NULL,
  UNIQUE (dataset_id, question_id, text)
) STRICT;
-- How many wordings of a question a model was asked for and gave, so that none is asked for twice.
CREATE TABLE paraphrase_requests (
  dataset_id     TEXT NOT NULL REFERENCES datasets,
  question_id    TEXT NOT NULL,
  provider       TEXT NOT NULL,
  model          TEXT NOT NULL,
  prompt_version INTEGER NOT NULL,
  wanted         INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, question_id, provider, model, prompt_version)
) STRICT;

-- 1 for an evaluation that is asked in batches, at half the price, within a day.
ALTER TABLE evaluations ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;

-- A row is an intent first: it is committed before anything is sent, and `intent` says how far we are sure.
--   intended: at most a file was sent    sent: creation was sent, the answer is not known
--   confirmed: the service has it        settled: everything that came of it is in the responses
--   refused: the service said no         abandoned: it is certain that there is no such batch
CREATE TABLE batches (
  batch_key       INTEGER PRIMARY KEY,
  intent_id       TEXT NOT NULL UNIQUE,
  intent          TEXT NOT NULL
                  CHECK (intent IN ('intended', 'sent', 'confirmed', 'settled', 'refused', 'abandoned')),
  evaluation_key  INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  host            TEXT NOT NULL,
  parameters_key  INTEGER NOT NULL REFERENCES request_parameters,
  remote_file_id  TEXT,
  remote_batch_id TEXT,
  raw_state       TEXT NOT NULL DEFAULT '',
  error           TEXT,
  -- US dollars at worst, which count as spent until it is known what was.
  worst_cost      REAL,
  created_at      REAL NOT NULL,
  sent_at         REAL,
  settled_at      REAL
) STRICT;
CREATE INDEX batches_by_evaluation ON batches (evaluation_key, intent);

-- Exactly the questions that a batch asks.
CREATE TABLE batch_questions (
  batch_key    INTEGER NOT NULL REFERENCES batches ON DELETE CASCADE,
  question_key INTEGER NOT NULL REFERENCES questions,
  repeat       INTEGER NOT NULL,
  PRIMARY KEY (batch_key, question_key, repeat)
) STRICT, WITHOUT ROWID;

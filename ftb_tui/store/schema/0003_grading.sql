-- What people said of answers. The newest row of a response counts; a NULL verdict takes the earlier ones back.
CREATE TABLE person_verdicts (
  person_verdict_key INTEGER PRIMARY KEY,
  response_key       INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,
  verdict            TEXT CHECK (verdict IN ('correct', 'wrong')),
  note               TEXT NOT NULL,
  created_at         REAL NOT NULL
) STRICT;
CREATE INDEX person_verdicts_by_response ON person_verdicts (response_key, person_verdict_key);

-- Where a person's verdict stands in a grade, the grader's own is kept here; NULL everywhere else.
ALTER TABLE grades ADD COLUMN machine_verdict TEXT;
ALTER TABLE grades ADD COLUMN machine_reason TEXT;

-- Natural-log probabilities of Yes and of No as the first word of an answer; NULL where the service did not name it
-- among the likeliest, which are then at least `floor`.
CREATE TABLE preferences (
  response_key INTEGER PRIMARY KEY REFERENCES responses ON DELETE CASCADE,
  yes          REAL,
  no           REAL,
  floor        REAL
) STRICT;

-- Every judgement of a model by the hash of all that it depends on, so that the same is never asked twice.
CREATE TABLE judgements (
  content_hash      TEXT PRIMARY KEY,
  provider          TEXT NOT NULL,
  model             TEXT NOT NULL,
  prompt_version    INTEGER NOT NULL,
  prompt            TEXT NOT NULL,
  reply             TEXT NOT NULL,
  verdict           TEXT NOT NULL CHECK (verdict IN ('correct', 'wrong', 'abstained')),
  reason            TEXT NOT NULL,
  requests          INTEGER NOT NULL,
  prompt_tokens     INTEGER,
  completion_tokens INTEGER,
  created_at        REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- How often each question is asked.
ALTER TABLE evaluations ADD COLUMN repeats INTEGER NOT NULL DEFAULT 1;

CREATE TABLE datasets (
  dataset_id    TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  version       TEXT NOT NULL,
  family        TEXT NOT NULL,
  title         TEXT NOT NULL DEFAULT '',
  description   TEXT NOT NULL DEFAULT '',
  source        TEXT NOT NULL DEFAULT '',
  licence       TEXT NOT NULL DEFAULT '',
  card          TEXT NOT NULL DEFAULT '',
  answer_tokens INTEGER NOT NULL,
  created_at    REAL NOT NULL,
  deleted_at    REAL
) STRICT;

CREATE TABLE facts (
  fact_key   INTEGER PRIMARY KEY,
  dataset_id TEXT NOT NULL REFERENCES datasets ON DELETE CASCADE,
  position   INTEGER NOT NULL,
  fact_id    TEXT NOT NULL,
  text       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  attribute  TEXT NOT NULL,
  value      TEXT NOT NULL,
  UNIQUE (dataset_id, fact_id)
) STRICT;

CREATE TABLE questions (
  question_key  INTEGER PRIMARY KEY,
  dataset_id    TEXT NOT NULL REFERENCES datasets ON DELETE CASCADE,
  position      INTEGER NOT NULL,
  question_id   TEXT NOT NULL,
  task          TEXT NOT NULL,
  fact_id       TEXT NOT NULL,
  other_fact_id TEXT,
  prompt        TEXT NOT NULL,
  question      TEXT NOT NULL,
  answer        TEXT NOT NULL,
  answer_before TEXT,
  template      TEXT NOT NULL,
  UNIQUE (dataset_id, question_id)
) STRICT;
CREATE INDEX questions_by_task ON questions (dataset_id, task, position);
CREATE INDEX questions_by_fact ON questions (dataset_id, fact_id);

CREATE TABLE training_files (
  training_file_key INTEGER PRIMARY KEY,
  dataset_id        TEXT NOT NULL REFERENCES datasets,
  recipe            TEXT NOT NULL,
  sha256            TEXT NOT NULL,
  n_examples        INTEGER NOT NULL,
  n_bytes           INTEGER NOT NULL,
  created_at        REAL NOT NULL,
  UNIQUE (dataset_id, sha256)
) STRICT;

CREATE TABLE training_examples (
  training_file_key INTEGER NOT NULL REFERENCES training_files ON DELETE CASCADE,
  position          INTEGER NOT NULL,
  fact_id           TEXT NOT NULL,
  line              TEXT NOT NULL,
  PRIMARY KEY (training_file_key, position)
) STRICT, WITHOUT ROWID;

-- A row is an intent first: it is committed before anything is sent, and `intent` says how far we are sure.
--   intended: nothing was sent     sent: creation was sent, the answer is not known
--   confirmed: the service has it  refused: the service said no    abandoned: a person gave up on it
CREATE TABLE jobs (
  job_key           INTEGER PRIMARY KEY,
  intent_id         TEXT NOT NULL UNIQUE,
  intent            TEXT NOT NULL CHECK (intent IN ('intended', 'sent', 'confirmed', 'refused', 'abandoned')),
  provider          TEXT NOT NULL,
  host              TEXT NOT NULL,
  base_model        TEXT NOT NULL,
  dataset_id        TEXT NOT NULL REFERENCES datasets,
  training_file_key INTEGER NOT NULL REFERENCES training_files,
  remote_file_id    TEXT,
  remote_job_id     TEXT,
  state             TEXT NOT NULL,
  raw_state         TEXT NOT NULL DEFAULT '',
  n_epochs          INTEGER,
  batch_size        INTEGER,
  learning_rate_multiplier REAL,
  seed              INTEGER,
  suffix            TEXT,
  tuned_model       TEXT,
  step              INTEGER,
  total_steps       INTEGER,
  trained_tokens    INTEGER,
  estimated_finish  REAL,
  error             TEXT,
  follow_error      TEXT,
  created_at        REAL NOT NULL,
  started_at        REAL,
  finished_at       REAL,
  heard_at          REAL,
  UNIQUE (provider, remote_job_id)
) STRICT;

CREATE TABLE job_events (
  job_event_key INTEGER PRIMARY KEY,
  job_key       INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  event_id      TEXT NOT NULL,
  created_at    REAL NOT NULL,
  level         TEXT NOT NULL,
  message       TEXT NOT NULL,
  step          INTEGER,
  UNIQUE (job_key, event_id)
) STRICT;

CREATE TABLE job_metrics (
  job_key INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  name    TEXT NOT NULL,
  step    INTEGER NOT NULL,
  value   REAL NOT NULL,
  PRIMARY KEY (job_key, name, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
  model_key  INTEGER PRIMARY KEY,
  provider   TEXT NOT NULL,
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('base', 'tuned', 'checkpoint')),
  base_model TEXT NOT NULL,
  job_key    INTEGER REFERENCES jobs,
  epoch      INTEGER,
  step       INTEGER,
  created_at REAL NOT NULL,
  UNIQUE (provider, name)
) STRICT;

CREATE TABLE job_checkpoints (
  job_key       INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  checkpoint_id TEXT NOT NULL,
  model_key     INTEGER NOT NULL REFERENCES models,
  step          INTEGER NOT NULL,
  metrics       TEXT NOT NULL,
  created_at    REAL,
  PRIMARY KEY (job_key, checkpoint_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE request_parameters (
  parameters_key INTEGER PRIMARY KEY,
  parameters     TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE evaluations (
  evaluation_key INTEGER PRIMARY KEY,
  model_key      INTEGER NOT NULL REFERENCES models,
  dataset_id     TEXT NOT NULL REFERENCES datasets,
  grader         TEXT NOT NULL,
  parameters_key INTEGER NOT NULL REFERENCES request_parameters,
  state          TEXT NOT NULL CHECK (state IN ('pending', 'running', 'paused', 'finished', 'failed')),
  error          TEXT,
  created_at     REAL NOT NULL,
  started_at     REAL,
  finished_at    REAL,
  -- Who runs it now; free again when the lease has run out, so that a killed run can be taken over.
  owner          TEXT,
  lease_until    REAL,
  deleted_at     REAL
) STRICT;

-- Exactly the questions that an evaluation asks: what is missing can always be computed.
CREATE TABLE evaluation_questions (
  evaluation_key INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  question_key   INTEGER NOT NULL REFERENCES questions,
  PRIMARY KEY (evaluation_key, question_key)
) STRICT, WITHOUT ROWID;

-- A row holds an answer or a failure, never neither: answer is NULL exactly when error_kind is not.
CREATE TABLE responses (
  response_key      INTEGER PRIMARY KEY,
  evaluation_key    INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  question_key      INTEGER NOT NULL REFERENCES questions,
  repeat            INTEGER NOT NULL DEFAULT 0,
  answer            TEXT,
  error_kind        TEXT,
  error             TEXT,
  attempts          INTEGER NOT NULL DEFAULT 1,
  parameters_key    INTEGER NOT NULL REFERENCES request_parameters,
  model_reported    TEXT,
  finish_reason     TEXT,
  prompt_tokens     INTEGER,
  completion_tokens INTEGER,
  latency_ms        REAL,
  request_id        TEXT,
  created_at        REAL NOT NULL,
  UNIQUE (evaluation_key, question_key, repeat),
  CHECK ((answer IS NULL) = (error_kind IS NOT NULL))
) STRICT;

CREATE TABLE grades (
  response_key INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,
  grader       TEXT NOT NULL,
  version      INTEGER NOT NULL,
  verdict      TEXT NOT NULL CHECK (verdict IN ('correct', 'wrong', 'abstained')),
  reason       TEXT NOT NULL,
  created_at   REAL NOT NULL,
  PRIMARY KEY (response_key, grader)
) STRICT, WITHOUT ROWID;
CREATE INDEX grades_by_verdict ON grades (grader, verdict, response_key);

-- One run of the whole job: what was asked for, and the job and evaluations that do it.
CREATE TABLE benches (
  bench_key            INTEGER PRIMARY KEY,
  plan                 TEXT NOT NULL,
  dataset_id           TEXT NOT NULL REFERENCES datasets,
  job_key              INTEGER REFERENCES jobs,
  base_evaluation_key  INTEGER REFERENCES evaluations,
  tuned_evaluation_key INTEGER REFERENCES evaluations,
  created_at           REAL NOT NULL,
  finished_at          REAL,
  owner                TEXT,
  lease_until          REAL
) STRICT;

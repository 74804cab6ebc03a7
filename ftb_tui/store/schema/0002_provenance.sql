-- Where a dataset was taken from, as it was when it was taken. Generated and bundled datasets have no row.
CREATE TABLE provenance (
  dataset_id   TEXT PRIMARY KEY REFERENCES datasets ON DELETE CASCADE,
  origin       TEXT NOT NULL,
  sha256       TEXT NOT NULL,
  taken_at     TEXT NOT NULL,
  revision     TEXT NOT NULL,
  licence_note TEXT NOT NULL
) STRICT;

CREATE TABLE provenance_files (
  dataset_id TEXT NOT NULL REFERENCES provenance ON DELETE CASCADE,
  position   INTEGER NOT NULL,
  name       TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  n_bytes    INTEGER NOT NULL,
  n_rows     INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, position)
) STRICT, WITHOUT ROWID;

ALTER TABLE facts ADD COLUMN context TEXT NOT NULL DEFAULT '';
ALTER TABLE questions ADD COLUMN original TEXT NOT NULL DEFAULT '';

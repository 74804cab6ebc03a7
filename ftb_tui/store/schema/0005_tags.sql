-- Kinds of error that people see in answers. Tags say nothing about the verdict.
CREATE TABLE answer_tags (
  response_key INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,
  tag          TEXT NOT NULL,
  created_at   REAL NOT NULL,
  PRIMARY KEY (response_key, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_tags_by_tag ON answer_tags (tag);

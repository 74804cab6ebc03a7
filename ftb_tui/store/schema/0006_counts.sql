-- What was counted of the rows of one task of an evaluation, so that a million answers need not be counted again to
-- show a table. `revision` goes up with every change of a row that counts; `counts` holds what the rows gave when it
-- was `counted`, and is worth nothing as soon as the two differ.
CREATE TABLE evaluation_tasks (
  evaluation_key INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  task           TEXT NOT NULL,
  revision       INTEGER NOT NULL DEFAULT 0,
  counted        INTEGER,
  counts         TEXT,
  PRIMARY KEY (evaluation_key, task)
) STRICT, WITHOUT ROWID;

INSERT INTO evaluation_tasks (evaluation_key, task)
SELECT DISTINCT evaluation_key, task FROM evaluation_questions JOIN questions USING (question_key);

-- The same for the answers of an evaluation beside those of its base, worth something at these two revisions alone.
CREATE TABLE evaluation_pairs (
  tuned_key     INTEGER NOT NULL REFERENCES evaluations (evaluation_key) ON DELETE CASCADE,
  base_key      INTEGER NOT NULL REFERENCES evaluations (evaluation_key) ON DELETE CASCADE,
  task          TEXT NOT NULL,
  tuned_counted INTEGER NOT NULL,
  base_counted  INTEGER NOT NULL,
  counts        TEXT NOT NULL,
  PRIMARY KEY (tuned_key, base_key, task)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER evaluation_questions_planned AFTER INSERT ON evaluation_questions BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE evaluation_key = NEW.evaluation_key
     AND task = (SELECT task FROM questions WHERE question_key = NEW.question_key);
  INSERT INTO evaluation_tasks (evaluation_key, task)
  SELECT NEW.evaluation_key, q.task FROM questions q WHERE q.question_key = NEW.question_key AND NOT EXISTS
         (SELECT 1 FROM evaluation_tasks t WHERE t.evaluation_key = NEW.evaluation_key AND t.task = q.task);
END;

CREATE TRIGGER evaluation_questions_dropped AFTER DELETE ON evaluation_questions BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE evaluation_key = OLD.evaluation_key
     AND task = (SELECT task FROM questions WHERE question_key = OLD.question_key);
END;

CREATE TRIGGER responses_kept AFTER INSERT ON responses BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE evaluation_key = NEW.evaluation_key
     AND task = (SELECT task FROM questions WHERE question_key = NEW.question_key);
END;

CREATE TRIGGER responses_changed AFTER UPDATE ON responses BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1 WHERE evaluation_key IN (OLD.evaluation_key, NEW.evaluation_key);
END;

CREATE TRIGGER responses_dropped AFTER DELETE ON responses BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE evaluation_key = OLD.evaluation_key
     AND task = (SELECT task FROM questions WHERE question_key = OLD.question_key);
END;

CREATE TRIGGER grades_kept AFTER INSERT ON grades BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE (evaluation_key, task) = (SELECT evaluation_key, task FROM responses JOIN questions USING (question_key)
                                    WHERE response_key = NEW.response_key);
END;

CREATE TRIGGER grades_changed AFTER UPDATE ON grades BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE (evaluation_key, task) IN (SELECT evaluation_key, task FROM responses JOIN questions USING (question_key)
                                     WHERE response_key IN (OLD.response_key, NEW.response_key));
END;

CREATE TRIGGER grades_dropped AFTER DELETE ON grades BEGIN
  UPDATE evaluation_tasks SET revision = revision + 1
   WHERE (evaluation_key, task) = (SELECT evaluation_key, task FROM responses JOIN questions USING (question_key)
                                    WHERE response_key = OLD.response_key);
END;

-- For every model's answer to one question.
CREATE INDEX responses_by_question ON responses (question_key, evaluation_key);
-- No question asks for answers by verdict across all evaluations; keeping this one up cost more than it gave.
DROP INDEX grades_by_verdict;

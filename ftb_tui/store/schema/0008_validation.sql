-- The file that a job's model is only looked at with, and what the service calls it.
ALTER TABLE jobs ADD COLUMN validation_file_key INTEGER REFERENCES training_files;
ALTER TABLE jobs ADD COLUMN remote_validation_id TEXT;
-- For preferences: how strongly the tuned model is held to the base.
ALTER TABLE jobs ADD COLUMN beta REAL;

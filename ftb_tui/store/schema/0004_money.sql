-- What a job was expected to cost when it was launched, so that what was billed can be held against it.
ALTER TABLE jobs ADD COLUMN method TEXT NOT NULL DEFAULT 'supervised';
ALTER TABLE jobs ADD COLUMN estimated_tokens INTEGER;
ALTER TABLE jobs ADD COLUMN estimated_cost REAL;
ALTER TABLE jobs ADD COLUMN price REAL;
ALTER TABLE jobs ADD COLUMN price_as_of TEXT;
-- 1 for a job that was created elsewhere and only followed from here on.
ALTER TABLE jobs ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;

-- US dollars for a million tokens of questions and of answers, as they were when the evaluation first ran.
ALTER TABLE evaluations ADD COLUMN price_input REAL;
ALTER TABLE evaluations ADD COLUMN price_output REAL;

-- The name of its deployment, where a model answers only through one.
ALTER TABLE models ADD COLUMN serving_name TEXT;

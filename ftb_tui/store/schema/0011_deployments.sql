-- Deployments, which may bill for as long as they exist. A row is written before anything is sent, and leaves only when
-- the service has confirmed that there is no such deployment, or when a person has it forgotten.
CREATE TABLE deployments (
  deployment_key INTEGER PRIMARY KEY,
  model_key      INTEGER NOT NULL REFERENCES models,
  name           TEXT NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('sent', 'made', 'failed', 'recorded')),
  created_at     REAL NOT NULL,
  UNIQUE (model_key, name)
) STRICT;
-- Who made the ones that are known already was not kept; they may bill all the same.
INSERT INTO deployments (model_key, name, state, created_at)
  SELECT model_key, serving_name, 'recorded', created_at FROM models WHERE serving_name IS NOT NULL;

-- Where a deployment was made: at another place it cannot be looked for. NULL where that was not kept.
ALTER TABLE deployments ADD COLUMN host TEXT;
-- Who waits for the service's answer at this moment, and until when that holds unless it is renewed.
ALTER TABLE deployments ADD COLUMN owner TEXT;
ALTER TABLE deployments ADD COLUMN lease_until REAL;

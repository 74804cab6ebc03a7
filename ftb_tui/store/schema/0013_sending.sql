-- Who is sending a job to its service at this moment, and until when that holds unless it is renewed.
ALTER TABLE jobs ADD COLUMN owner TEXT;
ALTER TABLE jobs ADD COLUMN lease_until REAL;

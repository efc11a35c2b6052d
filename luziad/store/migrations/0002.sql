-- Schema 2: checksums beside each job, so that damage inside a text is detected; and recurring schedules.

CREATE TABLE jobs_2 (
    n        INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    spec     TEXT NOT NULL,
    fate     TEXT NOT NULL,
    spec_sum INTEGER NOT NULL,
    fate_sum INTEGER NOT NULL
);
INSERT INTO jobs_2 SELECT n, id, spec, fate, checksum(id || spec), checksum(fate) FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;

CREATE TABLE schedules (
    name     TEXT PRIMARY KEY,
    schedule TEXT NOT NULL
);

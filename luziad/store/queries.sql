-- Every statement that the daemon runs on its store. Each begins with its name and says what it does.
-- Rows come in as one JSON array of arrays (the parameter), so that a whole batch is one step of SQLite's and one release of
-- the interpreter's lock, however many rows it has.

-- name: insert_jobs
-- New jobs: [n, id, spec, fate, spec_sum, fate_sum]. Writing a batch again is harmless, for its failure may have come
-- after its commit.
INSERT OR REPLACE INTO jobs (n, id, spec, fate, spec_sum, fate_sum)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?);

-- name: update_fates
-- Jobs that changed: [n, fate, fate_sum].
UPDATE jobs SET fate = json_extract(changed.value, '$[1]'), fate_sum = json_extract(changed.value, '$[2]')
FROM json_each(?) AS changed
WHERE jobs.n = json_extract(changed.value, '$[0]');

-- name: insert_events
-- Events: [seq, event].
INSERT OR REPLACE INTO events (seq, event)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
FROM json_each(?);

-- name: delete_jobs
-- Forgotten jobs: n.
DELETE FROM jobs WHERE n IN (SELECT value FROM json_each(?));

-- name: prune_events
-- Events up to and with this seq.
DELETE FROM events WHERE seq <= ?;

-- name: load_jobs
-- All jobs, oldest first.
SELECT n, id, spec, fate, spec_sum, fate_sum FROM jobs ORDER BY n;

-- name: load_jobs_backwards
-- All jobs, newest first: beyond a damage in the middle.
SELECT n, id, spec, fate, spec_sum, fate_sum FROM jobs ORDER BY n DESC;

-- name: rescue_job
-- A job that was read from a damaged store, unless the one that is here is newer: n, id, spec, fate, sums.
INSERT INTO jobs (n, id, spec, fate, spec_sum, fate_sum) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (n) DO UPDATE SET fate = excluded.fate, fate_sum = excluded.fate_sum
WHERE id = excluded.id AND ifnull(json_extract(excluded.fate, '$.seq'), 0) > ifnull(json_extract(fate, '$.seq'), 0);

-- name: last_seq
-- The newest event's seq, NULL when there is none.
SELECT max(seq) FROM events;

-- name: last_seq_of_jobs
-- The newest seq that a job remembers, NULL when there is none.
SELECT max(json_extract(fate, '$.seq')) FROM jobs;

-- name: first_seq
-- The oldest event's seq, NULL when there is none.
SELECT min(seq) FROM events;

-- name: events_after
-- Events after a seq, at most so many.
SELECT seq, event FROM events WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: insert_environment
-- Variables of jobs, in the private database: id, JSON object.
INSERT OR REPLACE INTO environments (id, variables) VALUES (?, ?);

-- name: delete_environments
-- Environments that no job needs any more: id.
DELETE FROM environments WHERE id IN (SELECT value FROM json_each(?));

-- name: load_environments
-- All of them.
SELECT id, variables FROM environments;

-- name: put_schedules
-- Schedules, new or changed: [name, schedule].
INSERT OR REPLACE INTO schedules (name, schedule)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?);

-- name: delete_schedules
-- Schedules that are gone: name.
DELETE FROM schedules WHERE name IN (SELECT value FROM json_each(?));

-- name: load_schedules
-- All of them.
SELECT name, schedule FROM schedules ORDER BY name;

-- name: rescue_schedule
-- A schedule that was read from a damaged store: name, schedule.
INSERT OR REPLACE INTO schedules (name, schedule) VALUES (?, ?);

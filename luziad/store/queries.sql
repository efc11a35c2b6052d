-- Every statement that the daemon runs on its store, with its name and a description.
-- Rows come in as one JSON array of arrays (the parameter), so that a whole batch is one step of SQLite and one release of the
-- interpreter's lock, whatever its number of rows.

-- name: insert_jobs
-- New jobs: [n, id, spec, fate, spec_sum, fate_sum]. Writing a batch twice is harmless, because a failure may come
-- after the commit.
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

-- name: insert_progress
-- Events of progress: [seq, event].
INSERT OR REPLACE INTO progress (seq, event)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
FROM json_each(?);

-- name: delete_jobs
-- Removed jobs: n.
DELETE FROM jobs WHERE n IN (SELECT value FROM json_each(?));

-- name: nth_newest_event
-- The seq of the newest event beyond a number of events that are kept.
SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?;

-- name: raise_horizon
-- The newest of the events that prune_events deletes, up to this seq.
UPDATE pruned SET horizon = max(horizon, ifnull((
    SELECT max(seq) FROM events
    WHERE seq <= ? AND iif(json_valid(event), ifnull(json_extract(event, '$.job'), ''), '') NOT IN (SELECT id FROM jobs)
), 0));

-- name: prune_events
-- Events up to and including this seq whose jobs are forgotten, or that are damaged.
DELETE FROM events
WHERE seq <= ? AND iif(json_valid(event), ifnull(json_extract(event, '$.job'), ''), '') NOT IN (SELECT id FROM jobs);

-- name: prune_progress
-- Events of progress beyond a number that is kept.
DELETE FROM progress WHERE seq <= (SELECT seq FROM progress ORDER BY seq DESC LIMIT 1 OFFSET ?);

-- name: lose_events
-- After a repair: what has happened up to this seq may be missing.
UPDATE pruned SET lost = max(lost, ?1), horizon = max(horizon, ?1);

-- name: pruned
-- What is missing of the events: lost, horizon.
SELECT lost, horizon FROM pruned;

-- name: load_jobs
-- All jobs, oldest first.
SELECT n, id, spec, fate, spec_sum, fate_sum FROM jobs ORDER BY n;

-- name: read_spec
-- The spec of a job: n, id.
SELECT spec FROM jobs WHERE n = ? AND id = ?;

-- name: load_jobs_backwards
-- All jobs, newest first: reads the rows behind damage in the middle.
SELECT n, id, spec, fate, spec_sum, fate_sum FROM jobs ORDER BY n DESC;

-- name: rescue_job
-- A job that was read from a damaged store, unless the existing one is newer: n, id, spec, fate, sums.
INSERT INTO jobs (n, id, spec, fate, spec_sum, fate_sum) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (n) DO UPDATE SET fate = excluded.fate, fate_sum = excluded.fate_sum
WHERE id = excluded.id AND ifnull(json_extract(excluded.fate, '$.seq'), 0) > ifnull(json_extract(fate, '$.seq'), 0);

-- name: last_seq
-- The newest event's seq, NULL when there is none.
SELECT max(seq) FROM (SELECT max(seq) AS seq FROM events UNION ALL SELECT max(seq) FROM progress);

-- name: last_seq_of_jobs
-- The newest seq in the status of a job, NULL when there is none.
SELECT max(json_extract(fate, '$.seq')) FROM jobs;

-- name: events_after
-- Events after a seq, with those of progress, up to a limit.
SELECT seq, event FROM events WHERE seq > ?1
UNION ALL
SELECT seq, event FROM progress WHERE seq > ?1
ORDER BY seq LIMIT ?2;

-- name: insert_environment
-- Variables of jobs, in the private database: id, JSON object.
INSERT OR REPLACE INTO environments (id, variables) VALUES (?, ?);

-- name: delete_environments
-- Environments that no job uses any more: id.
DELETE FROM environments WHERE id IN (SELECT value FROM json_each(?));

-- name: load_environments
-- All environments.
SELECT id, variables FROM environments;

-- name: read_environment
-- The variables of one environment: id.
SELECT variables FROM environments WHERE id = ?;

-- name: put_schedules
-- Schedules, new or changed: [name, schedule].
INSERT OR REPLACE INTO schedules (name, schedule)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?);

-- name: delete_schedules
-- Removed schedules: name.
DELETE FROM schedules WHERE name IN (SELECT value FROM json_each(?));

-- name: load_schedules
-- All schedules.
SELECT name, schedule FROM schedules ORDER BY name;

-- name: rescue_schedule
-- A schedule that was read from a damaged store: name, schedule.
INSERT OR REPLACE INTO schedules (name, schedule) VALUES (?, ?);

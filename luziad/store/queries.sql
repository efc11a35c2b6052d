-- Every statement that the daemon runs on its store. Each begins with its name and says what it does.
-- Rows come in as one JSON array of arrays (the parameter), so that a whole batch is one step of SQLite's and one release of
-- the interpreter's lock, however many rows it has.

-- name: insert_jobs
-- New jobs: [n, id, spec, fate]. Writing a batch again is harmless, for its failure may have come after its commit.
INSERT OR REPLACE INTO jobs (n, id, spec, fate)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
FROM json_each(?);

-- name: update_fates
-- Jobs that changed: [n, fate].
UPDATE jobs SET fate = json_extract(changed.value, '$[1]')
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
SELECT n, id, spec, fate FROM jobs ORDER BY n;

-- name: last_seq
-- The newest event's seq, NULL when there is none.
SELECT max(seq) FROM events;

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

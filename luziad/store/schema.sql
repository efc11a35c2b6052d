-- The store of luziad, version 3. JSON columns hold the structs of luziad/jobs/record.py and the protocol's events.
-- A change here is a new version: increase it in opening.py, and add the migration in migrations/.

-- Jobs in the order of their dispatch, each with its spec and its status (fate). The sums are CRC-32 over the id and
-- the spec, and over the fate: SQLite itself does not detect damage inside a text.
CREATE TABLE jobs (
    n        INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    spec     TEXT NOT NULL,
    fate     TEXT NOT NULL,
    spec_sum INTEGER NOT NULL,
    fate_sum INTEGER NOT NULL
);

-- Events other than progress, newest last; old ones of jobs that are forgotten are pruned.
CREATE TABLE events (
    seq   INTEGER PRIMARY KEY,
    event TEXT NOT NULL
);

-- Events of progress, newest last; only the newest are kept.
CREATE TABLE progress (
    seq   INTEGER PRIMARY KEY,
    event TEXT NOT NULL
);

-- What is missing of the events, in one row: all up to `lost`, and of jobs that are forgotten also some up to `horizon`.
CREATE TABLE pruned (
    lost    INTEGER NOT NULL,
    horizon INTEGER NOT NULL
);
INSERT INTO pruned (lost, horizon) VALUES (0, 0);

-- Recurring schedules by name.
CREATE TABLE schedules (
    name     TEXT PRIMARY KEY,
    schedule TEXT NOT NULL
);

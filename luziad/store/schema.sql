-- The store of luziad, version 2. JSON columns hold the structs of luziad/core/record.py and the protocol's events.
-- A change here is a new version: number it in opening.py, and write what takes an older store along in migrations/.

-- Jobs in the order of their dispatch: what was asked (spec, never changes) and what became of it (fate). The sums
-- are CRC-32 over the id and the spec, and over the fate: SQLite itself does not notice when a text was damaged.
CREATE TABLE jobs (
    n        INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    spec     TEXT NOT NULL,
    fate     TEXT NOT NULL,
    spec_sum INTEGER NOT NULL,
    fate_sum INTEGER NOT NULL
);

-- What happened, newest last; the oldest events are pruned.
CREATE TABLE events (
    seq   INTEGER PRIMARY KEY,
    event TEXT NOT NULL
);

-- Recurring schedules by name.
CREATE TABLE schedules (
    name     TEXT PRIMARY KEY,
    schedule TEXT NOT NULL
);

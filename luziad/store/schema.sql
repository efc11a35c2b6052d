-- The store of luziad, version 1. JSON columns hold the structs of luziad/core/record.py and the protocol's events.

-- Jobs in the order of their dispatch: what was asked (spec, never changes) and what became of it (fate).
CREATE TABLE jobs (
    n    INTEGER PRIMARY KEY,
    id   TEXT NOT NULL,
    spec TEXT NOT NULL,
    fate TEXT NOT NULL
);

-- What happened, newest last; the oldest events are pruned.
CREATE TABLE events (
    seq   INTEGER PRIMARY KEY,
    event TEXT NOT NULL
);

-- Schema 3: progress has a table of its own, which is pruned early, and the store knows how much has been pruned.

CREATE TABLE pruned (
    lost    INTEGER NOT NULL,
    horizon INTEGER NOT NULL
);
INSERT INTO pruned SELECT ifnull(min(seq), 1) - 1, ifnull(min(seq), 1) - 1 FROM events;

CREATE TABLE progress (
    seq   INTEGER PRIMARY KEY,
    event TEXT NOT NULL
);
INSERT INTO progress SELECT seq, event FROM events WHERE event LIKE '{"kind":"progress",%';
DELETE FROM events WHERE seq IN (SELECT seq FROM progress);

-- The index of luziad's full-text search, version 1. It can be made again from the jobs and their output at any time.

-- The jobs that have been indexed: `seq` is the newest event of the job then.
CREATE TABLE jobs (
    n   INTEGER PRIMARY KEY,
    id  TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL
);

-- The texts of an attempt, compressed: job n * 65536 + attempt number, which is 0 for a job without an ended attempt.
CREATE TABLE texts (
    place      INTEGER PRIMARY KEY,
    task       BLOB NOT NULL,
    message    BLOB NOT NULL,
    transcript BLOB NOT NULL,
    files      BLOB NOT NULL
);

-- The words of the texts, which are folded and divided already.
CREATE VIRTUAL TABLE words USING fts5(
    task, message, transcript, files, content = '', tokenize = 'unicode61 remove_diacritics 0'
);

-- The newest job whose texts were dropped because the index has reached its size; 0 for none.
CREATE TABLE dropped (n INTEGER NOT NULL);
INSERT INTO dropped (n) VALUES (0);

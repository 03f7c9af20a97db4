-- What happened, in streams. One B-tree ordered by stream and sequence, without a second
-- index: a stream is read and forgotten as one stretch of it.
CREATE TABLE events (
    stream   TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT, WITHOUT ROWID;

-- What was promised and is not done yet. `number` is the order of arrival.
CREATE TABLE outbox (
    number   INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    stream   TEXT    NOT NULL,
    lane     TEXT    NOT NULL,
    due_ms   INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_by_lane ON outbox (lane, number);
CREATE INDEX outbox_by_stream ON outbox (stream);

-- Small values by space and key.
CREATE TABLE pairs (
    space TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;

-- Written to find out whether writing works.
CREATE TABLE probe (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    pings  INTEGER NOT NULL
) STRICT;
INSERT INTO probe (number, pings) VALUES (1, 0);

CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

CREATE TABLE events (
    offset INTEGER PRIMARY KEY,
    appended_at_ms INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;

CREATE TABLE decisions (
    offset INTEGER PRIMARY KEY,
    reply_to INTEGER,
    record BLOB NOT NULL
) STRICT;

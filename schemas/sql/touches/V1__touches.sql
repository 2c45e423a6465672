CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

-- How far of each partition's log these touches are.
CREATE TABLE progress (
    partition INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE links (
    partition INTEGER NOT NULL,
    link INTEGER NOT NULL,
    first BLOB,
    last BLOB,
    awaiting_until_ms INTEGER,
    PRIMARY KEY (partition, link)
) STRICT, WITHOUT ROWID;

-- Event ids and velocity that one save brought, packed.
CREATE TABLE recent (
    partition INTEGER NOT NULL,
    to_offset INTEGER NOT NULL,
    newest_at_ms INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (partition, to_offset)
) STRICT;

CREATE INDEX recent_by_age ON recent (partition, newest_at_ms);

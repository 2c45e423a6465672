CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

CREATE TABLE progress (
    partition INTEGER PRIMARY KEY,
    held_up_to INTEGER NOT NULL,
    incarnation INTEGER NOT NULL
) STRICT;

CREATE TABLE clicks (
    company INTEGER NOT NULL,
    at INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    event BLOB NOT NULL CHECK (length(event) = 16),
    program INTEGER NOT NULL,
    partner INTEGER NOT NULL,
    link INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    receipt BLOB NOT NULL CHECK (length(receipt) = 48),
    landing_host TEXT NOT NULL,
    landing_path TEXT NOT NULL,
    referrer_host TEXT,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    source TEXT NOT NULL,
    device TEXT NOT NULL,
    day INTEGER NOT NULL,
    hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    weekday INTEGER NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    PRIMARY KEY (company, at, partition, log_offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX clicks_of_link ON clicks (link, at, outcome);

CREATE TABLE conversion_changes (
    company INTEGER NOT NULL,
    at INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    conversion BLOB NOT NULL CHECK (length(conversion) = 16),
    event BLOB NOT NULL CHECK (length(event) = 16),
    kind INTEGER NOT NULL,
    program INTEGER,
    partner INTEGER,
    link INTEGER,
    currency TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    conversions INTEGER NOT NULL,
    revenue_minor INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    approved_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    partner_approved_minor INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    weekday INTEGER NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    PRIMARY KEY (company, at, partition, log_offset, conversion)
) STRICT, WITHOUT ROWID;

CREATE TABLE clicks_by_day (
    company INTEGER NOT NULL,
    day INTEGER NOT NULL,
    partner INTEGER NOT NULL,
    link INTEGER NOT NULL,
    clicks INTEGER NOT NULL,
    bots INTEGER NOT NULL,
    PRIMARY KEY (company, day, partner, link)
) STRICT, WITHOUT ROWID;

CREATE INDEX clicks_by_day_of_partner ON clicks_by_day (partner, day);
CREATE INDEX clicks_by_day_of_link ON clicks_by_day (link, day);

CREATE TABLE sources_by_day (
    company INTEGER NOT NULL,
    day INTEGER NOT NULL,
    source TEXT NOT NULL,
    clicks INTEGER NOT NULL,
    PRIMARY KEY (company, day, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE pages_by_day (
    company INTEGER NOT NULL,
    day INTEGER NOT NULL,
    path TEXT NOT NULL,
    clicks INTEGER NOT NULL,
    PRIMARY KEY (company, day, path)
) STRICT, WITHOUT ROWID;

-- Partner and link are 0 where a change names none.
CREATE TABLE sales_by_day (
    company INTEGER NOT NULL,
    day INTEGER NOT NULL,
    partner INTEGER NOT NULL,
    link INTEGER NOT NULL,
    currency TEXT NOT NULL,
    weekday INTEGER NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    conversions INTEGER NOT NULL,
    revenue_minor INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    approved_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    partner_approved_minor INTEGER NOT NULL,
    PRIMARY KEY (company, day, partner, link, currency)
) STRICT, WITHOUT ROWID;

CREATE INDEX sales_by_day_of_partner ON sales_by_day (partner, day);
CREATE INDEX sales_by_day_of_link ON sales_by_day (link, day);

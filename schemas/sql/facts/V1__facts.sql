CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

CREATE TABLE progress (
    partition INTEGER PRIMARY KEY CHECK (partition BETWEEN 0 AND 32767),
    held_up_to INTEGER NOT NULL CHECK (held_up_to BETWEEN 0 AND 281474976710656),
    incarnation INTEGER NOT NULL
) STRICT;

-- Texts that come often. Rows have the number of one that stands here, and the text itself of any other.
CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;

-- Whose a link was when it was clicked.
CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    link INTEGER NOT NULL,
    company INTEGER NOT NULL,
    program INTEGER NOT NULL,
    partner INTEGER NOT NULL,
    UNIQUE (link, company, program, partner)
) STRICT;

-- Clicks in the order of the log: `id` is partition * 2^48 + offset. To look at them there is the view `clicks`.
CREATE TABLE click_rows (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    place INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    device INTEGER NOT NULL CHECK (device BETWEEN 0 AND 4),
    event BLOB NOT NULL CHECK (length(event) = 16),
    receipt BLOB NOT NULL CHECK (length(receipt) = 48),
    landing_host ANY NOT NULL,
    landing_path ANY NOT NULL,
    referrer_host ANY,
    utm_source ANY,
    utm_medium ANY,
    utm_campaign ANY
) STRICT;

-- A link's clicks by people and bots, in runs of some that came together: one row for many, as an index has one for each.
-- `first` and `last` are the least and the greatest id in it, `newest` is the latest time.
CREATE TABLE clicks_of_link (
    link INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (link, newest, first)
) STRICT, WITHOUT ROWID;

CREATE VIEW clicks AS
SELECT places.company, at, c.id >> 48 AS partition, c.id & 281474976710655 AS log_offset, event, places.program, places.partner,
    places.link, outcome, receipt,
    iif(typeof(landing_host) = 'integer', (SELECT word FROM words WHERE id = landing_host), landing_host) AS landing_host,
    iif(typeof(landing_path) = 'integer', (SELECT word FROM words WHERE id = landing_path), landing_path) AS landing_path,
    iif(typeof(referrer_host) = 'integer', (SELECT word FROM words WHERE id = referrer_host), referrer_host) AS referrer_host,
    iif(typeof(utm_source) = 'integer', (SELECT word FROM words WHERE id = utm_source), utm_source) AS utm_source,
    iif(typeof(utm_medium) = 'integer', (SELECT word FROM words WHERE id = utm_medium), utm_medium) AS utm_medium,
    iif(typeof(utm_campaign) = 'integer', (SELECT word FROM words WHERE id = utm_campaign), utm_campaign) AS utm_campaign,
    CASE typeof(coalesce(utm_source, referrer_host))
        WHEN 'integer' THEN (SELECT word FROM words WHERE id = coalesce(utm_source, referrer_host))
        WHEN 'text' THEN coalesce(utm_source, referrer_host)
        ELSE 'direct'
    END AS source,
    CASE device WHEN 0 THEN 'desktop' WHEN 1 THEN 'mobile' WHEN 2 THEN 'tablet' WHEN 3 THEN 'tv' ELSE 'other' END AS device,
    (at - (at % 86400000 + 86400000) % 86400000) / 86400000 AS day,
    (at % 86400000 + 86400000) % 86400000 / 3600000 AS hour,
    (((at - (at % 86400000 + 86400000) % 86400000) / 86400000 + 3) % 7 + 7) % 7 + 1 AS weekday,
    c.id
FROM click_rows AS c JOIN places ON places.id = c.place;

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

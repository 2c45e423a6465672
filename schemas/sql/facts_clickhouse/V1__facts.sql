-- Each statement ends with a semicolon at the end of its line, and is safe to run again: several processes may start at once.
-- Deduplication windows count blocks, and a block is a part of each table: 250,000 hold more than an hour of 64 partitions that close one
-- a second. A deployment of more partitions raises them when it connects. Past its window a block that is sent again doubles the sums.
-- Sums are kept by partition, so that those of one partition can be made again while the others go on.

CREATE TABLE IF NOT EXISTS clicks (
    company UInt64 COMMENT 'Whose click: the number in its public id cmp_…' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'When it was clicked: the stamp of its edge, at most when the log took it' CODEC(DoubleDelta, ZSTD(1)),
    day Date DEFAULT toDate(at) COMMENT 'UTC day of at' CODEC(Delta, ZSTD(1)),
    hour UInt8 DEFAULT toHour(at) COMMENT 'UTC hour of at, 0 to 23' CODEC(Delta, ZSTD(1)),
    weekday UInt8 DEFAULT toDayOfWeek(at) COMMENT 'ISO weekday of at, Monday is 1' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Partition of the log that holds its event' CODEC(T64, ZSTD(1)),
    log_offset UInt64 COMMENT 'Its place there' CODEC(Delta, ZSTD(1)),
    event UInt128 COMMENT 'Id of its event' CODEC(ZSTD(1)),
    program UInt64 COMMENT 'The number in its public id prg_…' CODEC(ZSTD(1)),
    partner UInt64 COMMENT 'Whose link was clicked: the number in its public id aff_…' CODEC(ZSTD(1)),
    link UInt64 COMMENT 'What was clicked: the number in its public id lnk_…' CODEC(ZSTD(1)),
    outcome Enum8('counted' = 1, 'bot' = 2, 'duplicate' = 3, 'refused' = 4) COMMENT 'Only counted ones are clicks in sums and can win a sale',
    receipt FixedString(48) COMMENT 'The click id that the visitor was given' CODEC(ZSTD(1)),
    visitor UInt64 ALIAS reinterpretAsUInt64(reverse(substring(receipt, 17, 8))) COMMENT 'Hash of the browser''s fingerprint; 0 where none was sent',
    address UInt64 ALIAS reinterpretAsUInt64(reverse(substring(receipt, 25, 8))) COMMENT 'Short hash of the address under a key of that day: compare within a day only',
    landing_host LowCardinality(String) COMMENT 'Where the visitor landed',
    landing_path String COMMENT 'Begins with /; queries and fragments are never kept' CODEC(ZSTD(1)),
    referrer_host LowCardinality(Nullable(String)) COMMENT 'Where the visitor came from, if the browser said so',
    utm_source LowCardinality(Nullable(String)) COMMENT 'utm_source of the link that was followed',
    utm_medium LowCardinality(Nullable(String)) COMMENT 'utm_medium of the link that was followed',
    utm_campaign LowCardinality(Nullable(String)) COMMENT 'utm_campaign of the link that was followed',
    source LowCardinality(String) COMMENT 'What brought the visitor: utm_source, else referrer_host, else direct',
    device Enum8('desktop' = 1, 'mobile' = 2, 'tablet' = 3, 'tv' = 4, 'other' = 5) COMMENT 'Class of the user agent',
    incarnation UInt32 COMMENT 'One more each time that a ledger was restored; the newest row of an event stands' CODEC(T64, ZSTD(1)),
    INDEX offsets log_offset TYPE minmax GRANULARITY 4,
    PROJECTION of_link (SELECT link, at, outcome, company, day, partition, log_offset ORDER BY link, at, log_offset),
    PROJECTION ends (SELECT partition, max(log_offset) GROUP BY partition)
)
ENGINE = ReplacingMergeTree(incarnation)
PARTITION BY toYYYYMM(day)
PRIMARY KEY (company, day, at)
ORDER BY (company, day, at, partition, log_offset)
TTL day + INTERVAL 25 MONTH
SETTINGS ttl_only_drop_parts = 1, deduplicate_merge_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'One row a click, whatever became of it, for 25 months. Sums over days: clicks_by_day, sources_by_day, pages_by_day. Add FINAL where a row more would matter';

CREATE TABLE IF NOT EXISTS conversion_changes (
    company UInt64 COMMENT 'Whose lead or sale: the number in its public id cmp_…' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'The time of the lead or sale; all its changes stand there' CODEC(DoubleDelta, ZSTD(1)),
    day Date DEFAULT toDate(at) COMMENT 'UTC day of at' CODEC(Delta, ZSTD(1)),
    hour UInt8 DEFAULT toHour(at) COMMENT 'UTC hour of at, 0 to 23' CODEC(Delta, ZSTD(1)),
    weekday UInt8 DEFAULT toDayOfWeek(at) COMMENT 'ISO weekday of at, Monday is 1' CODEC(Delta, ZSTD(1)),
    partition UInt32 COMMENT 'Partition of the log that holds the event that changed it' CODEC(T64, ZSTD(1)),
    log_offset UInt64 COMMENT 'Its place there' CODEC(Delta, ZSTD(1)),
    conversion UInt128 COMMENT 'What was changed: the number in its public id conv_…' CODEC(ZSTD(1)),
    event UInt128 COMMENT 'Id of the event that changed it' CODEC(ZSTD(1)),
    kind Enum8('lead' = 2, 'sale' = 3, 'refund' = 4, 'review' = 5) COMMENT 'What changed it: lead and sale make a conversion',
    program UInt64 COMMENT 'The number in its public id prg_…; 0: none' CODEC(ZSTD(1)),
    partner UInt64 COMMENT 'Who is credited: the number in its public id aff_…; 0: nobody' CODEC(ZSTD(1)),
    link UInt64 COMMENT 'The link that won: the number in its public id lnk_…; 0: none' CODEC(ZSTD(1)),
    currency LowCardinality(String) COMMENT 'ISO 4217',
    changed_at DateTime64(3, 'UTC') COMMENT 'When the log took the change' CODEC(DoubleDelta, ZSTD(1)),
    conversions Int64 COMMENT '1 when it begins to count (attributed and not rejected), -1 when it stops' CODEC(T64, ZSTD(1)),
    revenue_minor Int64 COMMENT 'By how much the sale value that counts changed, in minor units; refunds are negative' CODEC(ZSTD(1)),
    commission_minor Int64 COMMENT 'By how much the commission changed, in minor units' CODEC(ZSTD(1)),
    approved_minor Int64 COMMENT 'By how much the approved commission changed, in minor units' CODEC(ZSTD(1)),
    partner_minor Int64 COMMENT 'By how much the partner''s part changed, in minor units' CODEC(ZSTD(1)),
    partner_approved_minor Int64 COMMENT 'By how much the approved part of the partner changed, in minor units' CODEC(ZSTD(1)),
    incarnation UInt32 COMMENT 'One more each time that a ledger was restored; the newest row of an event stands' CODEC(T64, ZSTD(1)),
    INDEX offsets log_offset TYPE minmax GRANULARITY 4,
    INDEX conversion_ids conversion TYPE bloom_filter GRANULARITY 4,
    PROJECTION ends (SELECT partition, max(log_offset) GROUP BY partition)
)
ENGINE = ReplacingMergeTree(incarnation)
PARTITION BY toYYYYMM(day)
PRIMARY KEY (company, day, at)
ORDER BY (company, day, at, partition, log_offset, conversion)
SETTINGS deduplicate_merge_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'What each decided event changed of a lead or sale, as signed differences: sums over rows are the present state. Kept for good';

CREATE TABLE IF NOT EXISTS clicks_by_day (
    company UInt64 COMMENT 'Whose clicks' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'UTC day' CODEC(Delta, ZSTD(1)),
    partner UInt64 COMMENT 'Whose links' CODEC(ZSTD(1)),
    link UInt64 COMMENT 'Which link' CODEC(ZSTD(1)),
    partition UInt32 COMMENT 'Partition of the log that holds the clicks' CODEC(T64, ZSTD(1)),
    clicks UInt64 COMMENT 'Counted clicks; sum them, for a row may not be folded yet' CODEC(T64, ZSTD(1)),
    bots UInt64 COMMENT 'Clicks of bots and prefetches' CODEC(T64, ZSTD(1)),
    PROJECTION of_partner (SELECT partner, day, clicks, bots ORDER BY partner, day),
    PROJECTION of_link (SELECT link, day, clicks, bots ORDER BY link, day)
)
ENGINE = SummingMergeTree((clicks, bots))
ORDER BY (company, day, partner, link, partition)
SETTINGS deduplicate_merge_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'Clicks of each link by day, for good';

CREATE TABLE IF NOT EXISTS sources_by_day (
    company UInt64 COMMENT 'Whose clicks' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'UTC day' CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'What brought the visitors',
    partition UInt32 COMMENT 'Partition of the log that holds the clicks' CODEC(T64, ZSTD(1)),
    clicks UInt64 COMMENT 'Counted clicks; sum them, for a row may not be folded yet' CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree(clicks)
ORDER BY (company, day, source, partition)
TTL day + INTERVAL 25 MONTH
SETTINGS non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'Clicks of each traffic source by day';

CREATE TABLE IF NOT EXISTS pages_by_day (
    company UInt64 COMMENT 'Whose clicks' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'UTC day' CODEC(Delta, ZSTD(1)),
    path String COMMENT 'Where visitors landed' CODEC(ZSTD(1)),
    partition UInt32 COMMENT 'Partition of the log that holds the clicks' CODEC(T64, ZSTD(1)),
    clicks UInt64 COMMENT 'Counted clicks; sum them, for a row may not be folded yet' CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree(clicks)
ORDER BY (company, day, path, partition)
TTL day + INTERVAL 25 MONTH
SETTINGS non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'Clicks that landed on each path by day';

CREATE TABLE IF NOT EXISTS sales_by_day (
    company UInt64 COMMENT 'Whose leads and sales' CODEC(Delta, ZSTD(1)),
    day Date COMMENT 'UTC day of the lead or sale, whenever it changed' CODEC(Delta, ZSTD(1)),
    weekday UInt8 ALIAS toDayOfWeek(day) COMMENT 'ISO weekday, Monday is 1',
    partner UInt64 COMMENT 'Who is credited; 0: nobody' CODEC(ZSTD(1)),
    link UInt64 COMMENT 'The link that won; 0: none' CODEC(ZSTD(1)),
    currency LowCardinality(String) COMMENT 'ISO 4217',
    partition UInt32 COMMENT 'Partition of the log that holds the changes' CODEC(T64, ZSTD(1)),
    conversions Int64 COMMENT 'Leads and sales that count; sum them, for a row may not be folded yet' CODEC(T64, ZSTD(1)),
    revenue_minor Int128 COMMENT 'Sale value that counts, less refunds, in minor units' CODEC(ZSTD(1)),
    commission_minor Int128 COMMENT 'Commission, in minor units' CODEC(ZSTD(1)),
    approved_minor Int128 COMMENT 'Commission that is approved, in minor units' CODEC(ZSTD(1)),
    partner_minor Int128 COMMENT 'The partners'' part of the commission, in minor units' CODEC(ZSTD(1)),
    partner_approved_minor Int128 COMMENT 'The partners'' part of what is approved, in minor units' CODEC(ZSTD(1)),
    PROJECTION of_partner (SELECT partner, day, company, currency, conversions, partner_minor, partner_approved_minor ORDER BY partner, day),
    PROJECTION of_link (SELECT link, currency, conversions, partner_minor ORDER BY link)
)
ENGINE = SummingMergeTree((conversions, revenue_minor, commission_minor, approved_minor, partner_minor, partner_approved_minor))
ORDER BY (company, day, partner, link, currency, partition)
SETTINGS deduplicate_merge_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 250000, replicated_deduplication_window = 250000
COMMENT 'What leads and sales came to by their day, after refunds and rejections, for good';

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_into_clicks_by_day TO clicks_by_day AS
SELECT company, day, partner, link, partition, countIf(outcome = 'counted') AS clicks, countIf(outcome = 'bot') AS bots
FROM clicks WHERE outcome IN ('counted', 'bot') GROUP BY company, day, partner, link, partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_into_sources_by_day TO sources_by_day AS
SELECT company, day, source, partition, count() AS clicks
FROM clicks WHERE outcome = 'counted' GROUP BY company, day, source, partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS clicks_into_pages_by_day TO pages_by_day AS
SELECT company, day, landing_path AS path, partition, count() AS clicks
FROM clicks WHERE outcome = 'counted' GROUP BY company, day, path, partition;

CREATE MATERIALIZED VIEW IF NOT EXISTS changes_into_sales_by_day TO sales_by_day AS
SELECT company, day, partner, link, currency, partition, sum(changed.conversions) AS conversions,
    sum(toInt128(changed.revenue_minor)) AS revenue_minor, sum(toInt128(changed.commission_minor)) AS commission_minor,
    sum(toInt128(changed.approved_minor)) AS approved_minor, sum(toInt128(changed.partner_minor)) AS partner_minor,
    sum(toInt128(changed.partner_approved_minor)) AS partner_approved_minor
FROM conversion_changes AS changed GROUP BY company, day, partner, link, currency, partition;

CREATE VIEW IF NOT EXISTS conversions AS
SELECT company, conversion, min(changed.at) AS at, toDate(at) AS day, anyIf(changed.kind, changed.kind IN ('lead', 'sale')) AS kind,
    argMax(changed.program, (changed.changed_at, changed.log_offset)) AS program,
    argMax(changed.partner, (changed.changed_at, changed.log_offset)) AS partner,
    argMax(changed.link, (changed.changed_at, changed.log_offset)) AS link, any(changed.currency) AS currency,
    sum(changed.conversions) AS counts, sum(changed.revenue_minor) AS revenue_minor, countIf(changed.kind = 'refund') AS refunds,
    -sumIf(changed.revenue_minor, changed.kind = 'refund') AS refunded_minor, max(changed.changed_at) AS changed_at
FROM conversion_changes AS changed FINAL GROUP BY company, conversion
COMMENT 'Each lead and sale as it stands now; counts is 1 where it is attributed and not rejected';

CREATE VIEW IF NOT EXISTS commissions AS
SELECT company, conversion, partner, min(changed.at) AS at, toDate(at) AS day, any(changed.program) AS program, any(changed.link) AS link,
    any(changed.currency) AS currency, sum(changed.commission_minor) AS commission_minor, sum(changed.approved_minor) AS approved_minor,
    sum(changed.partner_minor) AS partner_minor, sum(changed.partner_approved_minor) AS partner_approved_minor,
    commission_minor - partner_minor AS platform_minor, max(changed.changed_at) AS changed_at
FROM conversion_changes AS changed FINAL WHERE partner != 0 GROUP BY company, conversion, partner
COMMENT 'What each lead and sale earns its partner now, after refunds and rejections';

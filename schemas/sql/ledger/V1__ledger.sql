CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    partitions INTEGER NOT NULL DEFAULT 1 CHECK (partitions > 0)
) STRICT;

-- Which epoch owns a partition, and how far of its log is decided, planned for facts and published.
CREATE TABLE progress (
    partition INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    last_event BLOB,
    published INTEGER NOT NULL DEFAULT 0,
    planned INTEGER NOT NULL DEFAULT 0,
    incarnation INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE plans (
    partition INTEGER NOT NULL,
    from_offset INTEGER NOT NULL,
    to_offset INTEGER NOT NULL CHECK (to_offset > from_offset),
    marked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (partition, from_offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX plans_open ON plans (partition, from_offset) WHERE marked = 0;

CREATE TABLE quarantine (
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    reason TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (partition, offset)
) STRICT;

-- The names by which a conversion or refund is known for good.
CREATE TABLE keys (
    key_hash BLOB PRIMARY KEY CHECK (length(key_hash) = 16),
    company INTEGER NOT NULL,
    conversion BLOB NOT NULL,
    event BLOB NOT NULL,
    body_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conversions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    company INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    event BLOB NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    program INTEGER,
    partner INTEGER,
    link INTEGER,
    label TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    refunded_minor INTEGER NOT NULL,
    occurred_at_ms INTEGER NOT NULL,
    taken_at_ms INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    standing_reason INTEGER,
    commission_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    platform_minor INTEGER NOT NULL,
    review INTEGER NOT NULL,
    held_until_ms INTEGER,
    settlement INTEGER NOT NULL,
    score_ppm INTEGER NOT NULL,
    signals TEXT NOT NULL,
    terms_version INTEGER NOT NULL,
    body_hash BLOB NOT NULL,
    explanation TEXT NOT NULL,
    -- The house's word for the three axes; 0 while it is not decided.
    house_status INTEGER NOT NULL
) STRICT;

CREATE INDEX conversions_listed ON conversions (company, kind, house_status, taken_at_ms DESC, id DESC);
CREATE INDEX conversions_held ON conversions (partition, held_until_ms) WHERE held_until_ms IS NOT NULL AND standing = 1 AND review <> 4;

CREATE TABLE status_counts (
    company INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    house_status INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (company, kind, house_status)
) STRICT, WITHOUT ROWID;

-- What a partner's sales with a company add up to as they stand now, after refunds and without rejected ones.
CREATE TABLE partner_totals (
    partner INTEGER NOT NULL,
    company INTEGER NOT NULL,
    currency TEXT NOT NULL,
    conversions INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    approved_commission_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    partner_approved_minor INTEGER NOT NULL,
    partner_unpaid_minor INTEGER NOT NULL,
    PRIMARY KEY (partner, company, currency)
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_totals_of_company ON partner_totals (company);

CREATE TABLE refunds (
    conversion BLOB NOT NULL,
    id BLOB NOT NULL,
    company INTEGER NOT NULL,
    event BLOB NOT NULL,
    label TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    reason TEXT,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversion, id)
) STRICT, WITHOUT ROWID;

-- Append-only. An id is derived from its cause, the conversion included, so it stands under one conversion.
CREATE TABLE transfers (
    conversion BLOB NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    debit_kind INTEGER NOT NULL,
    debit_company INTEGER NOT NULL,
    debit_partner INTEGER NOT NULL,
    credit_kind INTEGER NOT NULL,
    credit_company INTEGER NOT NULL,
    credit_partner INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    reason INTEGER NOT NULL,
    event BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversion, id),
    CHECK (debit_kind <> credit_kind OR debit_company <> credit_company OR debit_partner <> credit_partner)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER transfers_are_never_changed BEFORE UPDATE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'a transfer is never changed');
END;

CREATE TRIGGER transfers_are_never_deleted BEFORE DELETE ON transfers
BEGIN
    SELECT RAISE(ABORT, 'a transfer is never deleted');
END;

-- Posting twice is posting once, and INSERT OR REPLACE is no way around the two above.
CREATE TRIGGER transfers_are_posted_once BEFORE INSERT ON transfers
WHEN EXISTS (SELECT 1 FROM transfers WHERE conversion = NEW.conversion AND id = NEW.id)
BEGIN
    SELECT RAISE(IGNORE);
END;

-- A row per account, currency and partition, summed on read.
CREATE TABLE balances (
    company INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    partner INTEGER NOT NULL,
    currency TEXT NOT NULL,
    partition INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    PRIMARY KEY (company, kind, partner, currency, partition)
) STRICT, WITHOUT ROWID;

CREATE INDEX balances_of_partner ON balances (partner) WHERE kind IN (2, 3, 4);

CREATE TABLE parked (
    conversion BLOB PRIMARY KEY,
    company INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    appended_at_ms INTEGER NOT NULL,
    record BLOB NOT NULL,
    link INTEGER,
    at_ms INTEGER NOT NULL,
    facts_offset INTEGER,
    expires_at_ms INTEGER,
    idents BLOB NOT NULL,
    -- Neither: it waits for a late click alone.
    CHECK (facts_offset IS NULL OR expires_at_ms IS NULL)
) STRICT;

CREATE INDEX parked_for_facts ON parked (partition, facts_offset) WHERE facts_offset IS NOT NULL;
CREATE INDEX parked_for_lead ON parked (partition, expires_at_ms) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE parked_idents (
    company INTEGER NOT NULL,
    ident BLOB NOT NULL,
    conversion BLOB NOT NULL,
    PRIMARY KEY (company, ident, conversion)
) STRICT, WITHOUT ROWID;

CREATE INDEX parked_idents_of_conversion ON parked_idents (conversion);

-- Sales that a click which comes later in the log could win.
CREATE TABLE awaiting (
    conversion BLOB NOT NULL,
    link INTEGER NOT NULL,
    company INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (conversion, link)
) STRICT, WITHOUT ROWID;

CREATE INDEX awaiting_by_link ON awaiting (link, at_ms);

-- Late clicks that such a sale is to be settled for once facts hold them.
CREATE TABLE late_notes (
    conversion BLOB NOT NULL,
    offset INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    company INTEGER NOT NULL,
    PRIMARY KEY (conversion, offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX late_notes_in_order ON late_notes (partition, offset);

-- Settles that were decided on and are to be appended to the log.
CREATE TABLE settles_due (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    partition INTEGER NOT NULL,
    company INTEGER NOT NULL,
    conversion BLOB NOT NULL,
    facts_up_to INTEGER NOT NULL
) STRICT;

CREATE TABLE idents (
    company INTEGER NOT NULL,
    ident BLOB NOT NULL,
    bound_partner INTEGER,
    bound_link INTEGER,
    bound_at_ms INTEGER,
    customer BLOB,
    email BLOB,
    PRIMARY KEY (company, ident)
) STRICT, WITHOUT ROWID;

CREATE TABLE click_customers (
    link INTEGER NOT NULL,
    event_id_hash INTEGER NOT NULL,
    customer BLOB NOT NULL,
    PRIMARY KEY (link, event_id_hash, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE link_sales (
    link INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (link, bucket)
) STRICT, WITHOUT ROWID;

-- Amounts of a company's last sales, oldest first, eight bytes each.
CREATE TABLE recent_values (
    company INTEGER NOT NULL,
    currency TEXT NOT NULL,
    amounts BLOB NOT NULL,
    PRIMARY KEY (company, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    company INTEGER NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (company, day, kind, outcome)
) STRICT, WITHOUT ROWID;

-- Clicks that were found a copy (no outcome), a duplicate or refused; all others were counted by what their receipts say.
CREATE TABLE click_exceptions (
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    outcome INTEGER,
    PRIMARY KEY (partition, offset)
) STRICT, WITHOUT ROWID;

-- What each decided event changed of conversions: facts are made again from these.
CREATE TABLE changes (
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event BLOB NOT NULL,
    kind INTEGER NOT NULL,
    conversion BLOB NOT NULL,
    company INTEGER NOT NULL,
    program INTEGER,
    partner INTEGER,
    link INTEGER,
    currency TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    conversions INTEGER NOT NULL,
    revenue_minor INTEGER NOT NULL,
    commission_minor INTEGER NOT NULL,
    approved_minor INTEGER NOT NULL,
    partner_minor INTEGER NOT NULL,
    partner_approved_minor INTEGER NOT NULL,
    PRIMARY KEY (partition, offset, seq)
) STRICT, WITHOUT ROWID;

-- Decisions to be published, by where the batch that made them begins.
CREATE TABLE replies (
    partition INTEGER NOT NULL,
    batch_from INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    reply_to INTEGER,
    record BLOB NOT NULL,
    PRIMARY KEY (partition, batch_from, seq)
) STRICT;

-- The ledger. Ids of 64 bits stand as the bigint of the same bits, ids and hashes of 128 bits as uuid, money in minor units.
-- The schema and a lock over concurrent starts are made before this runs.
CREATE TABLE ledger.deployment (
    one smallint PRIMARY KEY CHECK (one = 1),
    id uuid NOT NULL,
    partitions integer NOT NULL CHECK (partitions > 0)
);

-- Which epoch owns a partition, and how far of its log is decided, planned for facts and published.
CREATE TABLE ledger.progress (
    partition integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    next bigint NOT NULL DEFAULT 0,
    last_event uuid,
    appended_at_ms bigint NOT NULL DEFAULT 0,
    published bigint NOT NULL DEFAULT 0,
    planned bigint NOT NULL DEFAULT 0,
    incarnation integer NOT NULL DEFAULT 1,
    -- Facts hold nothing from here on, or the ledger was restored from a copy. Stands from a taking until an owner has looked.
    facts_expected bigint,
    -- Facts are being taken out: their sums may be of rows that have gone.
    facts_in_removal boolean NOT NULL DEFAULT false
) WITH (fillfactor = 10);

CREATE TABLE ledger.plans (
    partition integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset bigint NOT NULL CHECK (to_offset > from_offset),
    marked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (partition, from_offset)
);

CREATE INDEX plans_open ON ledger.plans (partition, from_offset) WHERE NOT marked;

CREATE TABLE ledger.quarantine (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (partition, "offset")
);

-- The names by which a conversion or refund is known for good. One that names nothing (any more) has no conversion.
CREATE TABLE ledger.keys (
    key_hash uuid PRIMARY KEY,
    company bigint NOT NULL,
    conversion uuid,
    event uuid,
    body_hash uuid,
    -- How often the row has changed: a batch is committed only on the rows that it knew.
    version bigint NOT NULL DEFAULT 1,
    -- All three or none. num_nulls() says it shorter, and makes an array for each row.
    CHECK ((conversion IS NULL) = (event IS NULL) AND (event IS NULL) = (body_hash IS NULL))
);

CREATE TABLE ledger.conversions (
    id uuid PRIMARY KEY,
    company bigint NOT NULL,
    kind smallint NOT NULL,
    event uuid NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    program bigint,
    partner bigint,
    link bigint,
    label text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    refunded_minor bigint NOT NULL,
    occurred_at_ms bigint NOT NULL,
    taken_at_ms bigint NOT NULL,
    standing smallint NOT NULL,
    standing_reason smallint,
    commission_minor bigint NOT NULL,
    partner_minor bigint NOT NULL,
    platform_minor bigint NOT NULL,
    review smallint NOT NULL,
    held_until_ms bigint,
    settlement smallint NOT NULL,
    score_ppm integer NOT NULL,
    signals text NOT NULL,
    terms_version integer NOT NULL,
    body_hash uuid NOT NULL,
    explanation text NOT NULL,
    -- The house's word for the three axes; 0 while it is not decided.
    house_status smallint NOT NULL
);

CREATE INDEX conversions_listed ON ledger.conversions (company, kind, house_status, taken_at_ms DESC, id DESC);
CREATE INDEX conversions_held ON ledger.conversions (partition, held_until_ms)
    WHERE held_until_ms IS NOT NULL AND standing = 1 AND review <> 4;

-- Counts and sums have a row for each partition that adds to them, so that no two wait for one row; they are added up on read.
CREATE TABLE ledger.status_counts (
    company bigint NOT NULL,
    kind smallint NOT NULL,
    house_status smallint NOT NULL,
    partition integer NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (company, kind, house_status, partition)
) WITH (fillfactor = 50);

-- What a partner's sales with a company add up to as they stand now, after refunds and without rejected ones.
CREATE TABLE ledger.partner_totals (
    partner bigint NOT NULL,
    company bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    conversions bigint NOT NULL,
    commission_minor bigint NOT NULL,
    approved_commission_minor bigint NOT NULL,
    partner_minor bigint NOT NULL,
    partner_approved_minor bigint NOT NULL,
    partner_unpaid_minor bigint NOT NULL,
    PRIMARY KEY (partner, company, currency, partition)
) WITH (fillfactor = 50);

CREATE INDEX partner_totals_of_company ON ledger.partner_totals (company);

CREATE TABLE ledger.refunds (
    conversion uuid NOT NULL,
    id uuid NOT NULL,
    company bigint NOT NULL,
    event uuid NOT NULL,
    label text NOT NULL,
    amount_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    commission_minor bigint NOT NULL,
    partner_minor bigint NOT NULL,
    reason text,
    at_ms bigint NOT NULL,
    PRIMARY KEY (conversion, id)
);

-- Append-only. An id is derived from its cause, the conversion included, so it stands under one conversion.
CREATE TABLE ledger.transfers (
    conversion uuid NOT NULL,
    id uuid NOT NULL,
    debit_kind smallint NOT NULL,
    debit_company bigint NOT NULL,
    debit_partner bigint NOT NULL,
    credit_kind smallint NOT NULL,
    credit_company bigint NOT NULL,
    credit_partner bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text COLLATE "C" NOT NULL,
    reason smallint NOT NULL,
    event uuid NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (conversion, id),
    CHECK (debit_kind <> credit_kind OR debit_company <> credit_company OR debit_partner <> credit_partner)
);

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a transfer is never changed or deleted: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER transfers_are_never_changed BEFORE UPDATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER transfers_are_never_deleted BEFORE DELETE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER transfers_are_never_emptied BEFORE TRUNCATE ON ledger.transfers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Replication roles do not switch them off either.
ALTER TABLE ledger.transfers ENABLE ALWAYS TRIGGER transfers_are_never_changed;
ALTER TABLE ledger.transfers ENABLE ALWAYS TRIGGER transfers_are_never_deleted;
ALTER TABLE ledger.transfers ENABLE ALWAYS TRIGGER transfers_are_never_emptied;

REVOKE UPDATE, DELETE, TRUNCATE ON ledger.transfers FROM PUBLIC;
REVOKE UPDATE, DELETE, TRUNCATE ON ledger.transfers FROM CURRENT_USER;

CREATE TABLE ledger.balances (
    company bigint NOT NULL,
    kind smallint NOT NULL,
    partner bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (company, kind, partner, currency, partition)
) WITH (fillfactor = 50);

CREATE INDEX balances_of_partner ON ledger.balances (partner) WHERE kind IN (2, 3, 4);

CREATE TABLE ledger.parked (
    conversion uuid PRIMARY KEY,
    company bigint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    appended_at_ms bigint NOT NULL,
    record bytea NOT NULL,
    link bigint,
    at_ms bigint NOT NULL,
    facts_offset bigint,
    expires_at_ms bigint,
    idents bytea NOT NULL,
    -- Neither: it waits for a late click alone.
    CHECK (facts_offset IS NULL OR expires_at_ms IS NULL)
);

CREATE INDEX parked_for_facts ON ledger.parked (partition, facts_offset) WHERE facts_offset IS NOT NULL;
CREATE INDEX parked_for_lead ON ledger.parked (partition, expires_at_ms) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE ledger.parked_idents (
    company bigint NOT NULL,
    ident bytea NOT NULL,
    conversion uuid NOT NULL,
    PRIMARY KEY (company, ident, conversion)
);

CREATE INDEX parked_idents_of_conversion ON ledger.parked_idents (conversion);

-- Sales that a click which comes later in the log could win.
CREATE TABLE ledger.awaiting (
    conversion uuid NOT NULL,
    link bigint NOT NULL,
    company bigint NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (conversion, link)
);

CREATE INDEX awaiting_by_link ON ledger.awaiting (link, at_ms);

-- Late clicks that such a sale is to be settled for once facts hold them.
CREATE TABLE ledger.late_notes (
    conversion uuid NOT NULL,
    "offset" bigint NOT NULL,
    partition integer NOT NULL,
    company bigint NOT NULL,
    PRIMARY KEY (conversion, "offset")
);

CREATE INDEX late_notes_in_order ON ledger.late_notes (partition, "offset");

-- Settles that were decided on and are to be appended to the log.
CREATE TABLE ledger.settles_due (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition integer NOT NULL,
    to_partition integer NOT NULL,
    company bigint NOT NULL,
    conversion uuid NOT NULL,
    facts_up_to bigint NOT NULL
);

CREATE INDEX settles_due_of_partition ON ledger.settles_due (partition, number);

CREATE TABLE ledger.idents (
    company bigint NOT NULL,
    ident bytea NOT NULL,
    bound_partner bigint,
    bound_link bigint,
    bound_at_ms bigint,
    customer uuid,
    email uuid,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (company, ident)
);

-- What commissions have taken of a program's budget.
CREATE TABLE ledger.budgets (
    program bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    spent_minor bigint NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (program, currency)
) WITH (fillfactor = 50);

CREATE TABLE ledger.click_customers (
    link bigint NOT NULL,
    event_id_hash bigint NOT NULL,
    customer uuid NOT NULL,
    PRIMARY KEY (link, event_id_hash, customer)
);

CREATE TABLE ledger.link_sales (
    link bigint NOT NULL,
    bucket bigint NOT NULL,
    partition integer NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (link, bucket, partition)
) WITH (fillfactor = 50);

-- A company's last sales that a partition decided, oldest first: sixteen bytes each, the batch's append time and the amount.
CREATE TABLE ledger.recent_values (
    company bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    recent bytea NOT NULL,
    PRIMARY KEY (company, currency, partition)
) WITH (fillfactor = 50);

CREATE TABLE ledger.outcomes (
    company bigint NOT NULL,
    day integer NOT NULL,
    kind smallint NOT NULL,
    outcome smallint NOT NULL,
    partition integer NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (company, day, kind, outcome, partition)
) WITH (fillfactor = 50);

-- Clicks that were found a copy (no outcome), a duplicate or refused; all others were counted by what their receipts say.
CREATE TABLE ledger.click_exceptions (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    outcome smallint,
    PRIMARY KEY (partition, "offset")
);

-- What each decided event changed of conversions: facts are made again from these. They are read by the stretch, so a batch's stand
-- in one row, by where it begins; the view has them one by one.
CREATE TABLE ledger.batch_changes (
    partition integer NOT NULL,
    batch_from bigint NOT NULL,
    offsets bigint[] NOT NULL,
    events uuid[] NOT NULL,
    kinds smallint[] NOT NULL,
    conversion_ids uuid[] NOT NULL,
    companies bigint[] NOT NULL,
    programs bigint[] NOT NULL,
    partners bigint[] NOT NULL,
    links bigint[] NOT NULL,
    currencies text[] NOT NULL,
    at_ms bigint[] NOT NULL,
    changed_at_ms bigint[] NOT NULL,
    conversions bigint[] NOT NULL,
    revenue_minor bigint[] NOT NULL,
    commission_minor bigint[] NOT NULL,
    approved_minor bigint[] NOT NULL,
    partner_minor bigint[] NOT NULL,
    partner_approved_minor bigint[] NOT NULL,
    PRIMARY KEY (partition, batch_from)
) WITH (toast_tuple_target = 8160);

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT attname FROM pg_attribute
        WHERE attrelid = 'ledger.batch_changes'::regclass AND attnum > 2
    LOOP
        EXECUTE format('ALTER TABLE ledger.batch_changes ALTER COLUMN %I SET STORAGE EXTERNAL', name);
    END LOOP;
END
$$;

CREATE VIEW ledger.changes AS
SELECT b.partition, b.batch_from, c.*
FROM ledger.batch_changes b,
    unnest(b.offsets, b.events, b.kinds, b.conversion_ids, b.companies, b.programs, b.partners, b.links, b.currencies, b.at_ms,
           b.changed_at_ms, b.conversions, b.revenue_minor, b.commission_minor, b.approved_minor, b.partner_minor,
           b.partner_approved_minor) WITH ORDINALITY
    c ("offset", event, kind, conversion, company, program, partner, link, currency, at_ms, changed_at_ms, conversions, revenue_minor,
       commission_minor, approved_minor, partner_minor, partner_approved_minor, seq);

-- Decisions to be published: a row for each batch, by where it begins, that is deleted once they are.
CREATE TABLE ledger.replies (
    partition integer NOT NULL,
    batch_from bigint NOT NULL,
    reply_to bigint[] NOT NULL,
    records bytea[] NOT NULL,
    PRIMARY KEY (partition, batch_from),
    CHECK (cardinality(reply_to) = cardinality(records))
);

ALTER TABLE ledger.replies ALTER COLUMN records SET STORAGE EXTERNAL;

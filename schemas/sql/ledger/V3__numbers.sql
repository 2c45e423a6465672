-- Conversions are numbered as they come, and their transfers stand by that number: what is new is written at the end, where ids
-- would spread it over the whole file. A transfer is of a conversion that the ledger has.
CREATE TABLE numbered_conversions (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
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

INSERT INTO numbered_conversions SELECT rowid, * FROM conversions ORDER BY rowid;
DROP TABLE conversions;
ALTER TABLE numbered_conversions RENAME TO conversions;

CREATE INDEX conversions_listed ON conversions (company, kind, house_status, taken_at_ms DESC, id DESC);
CREATE INDEX conversions_held ON conversions (partition, held_until_ms) WHERE held_until_ms IS NOT NULL AND standing = 1 AND review <> 4;

-- Append-only. An id is derived from its cause, the conversion included, so it stands under one conversion.
CREATE TABLE numbered_transfers (
    number INTEGER NOT NULL,
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
    PRIMARY KEY (number, id),
    CHECK (debit_kind <> credit_kind OR debit_company <> credit_company OR debit_partner <> credit_partner)
) STRICT, WITHOUT ROWID;

-- In the order in which they are to stand, without sorting all of them in memory.
INSERT INTO numbered_transfers SELECT c.number, t.* FROM conversions c CROSS JOIN transfers t ON t.conversion = c.id ORDER BY c.number, t.id;
-- One that has no conversion has no number: it stops this.
INSERT INTO numbered_transfers SELECT NULL, t.* FROM transfers t WHERE NOT EXISTS (SELECT 1 FROM conversions c WHERE c.id = t.conversion);
DROP TABLE transfers;
ALTER TABLE numbered_transfers RENAME TO transfers;

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
WHEN EXISTS (SELECT 1 FROM transfers WHERE number = NEW.number AND id = NEW.id)
BEGIN
    SELECT RAISE(IGNORE);
END;

-- A list in a partial index' condition is made into a table of its own for each row that is written.
DROP INDEX balances_of_partner;
CREATE INDEX balances_of_partner ON balances (partner) WHERE kind BETWEEN 2 AND 4;

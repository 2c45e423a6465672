-- Rows that several partitions write say how often they have changed. A key that names nothing (any more) has no conversion.
ALTER TABLE keys ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE idents ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- What commissions have taken of a program's budget.
CREATE TABLE budgets (
    program INTEGER NOT NULL,
    currency TEXT NOT NULL,
    spent_minor INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (program, currency)
) STRICT, WITHOUT ROWID;

ALTER TABLE progress ADD COLUMN appended_at_ms INTEGER NOT NULL DEFAULT 0;
-- Facts hold nothing from here on, or the ledger was restored from a copy. Stands from a taking until an owner has looked.
ALTER TABLE progress ADD COLUMN facts_expected INTEGER;
-- Facts are being taken out: their sums may be of rows that have gone.
ALTER TABLE progress ADD COLUMN facts_in_removal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE settles_due ADD COLUMN to_partition INTEGER NOT NULL DEFAULT 0;

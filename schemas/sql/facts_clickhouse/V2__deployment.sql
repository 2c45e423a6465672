-- One database holds the facts of one deployment: those of two would be added up.
CREATE TABLE IF NOT EXISTS deployment (
    id UInt128 COMMENT 'Whose facts these are: the deployment''s id in the catalog and the ledger',
    bound_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When that deployment came here first'
)
ENGINE = MergeTree
ORDER BY (bound_at, id)
COMMENT 'Which deployment this database belongs to: the first row';

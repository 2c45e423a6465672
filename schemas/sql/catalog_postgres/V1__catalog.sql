-- In schema `catalog`, which is made before. Ids are the bigint of the same bits, hashes and secrets bytea, times milliseconds.
-- What must not outlive its row has no statistics: ANALYZE would copy samples of it into the system's tables.

CREATE TABLE catalog.deployment (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id bytea NOT NULL CHECK (octet_length(id) = 16),
    created_at bigint NOT NULL
);

CREATE TABLE catalog.secrets (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id_key bytea NOT NULL CHECK (octet_length(id_key) = 16),
    person_key bytea NOT NULL CHECK (octet_length(person_key) = 16),
    jwt_key bytea NOT NULL CHECK (octet_length(jwt_key) = 32)
);

ALTER TABLE catalog.secrets
    ALTER COLUMN id_key SET STATISTICS 0,
    ALTER COLUMN person_key SET STATISTICS 0,
    ALTER COLUMN jwt_key SET STATISTICS 0;

CREATE TABLE catalog.companies (
    id bigint PRIMARY KEY,
    program bigint NOT NULL UNIQUE,
    domain text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'paused')),
    payout_schedule text NOT NULL CHECK (payout_schedule IN ('weekly', 'biweekly', 'monthly')),
    payout_minimum_minor bigint NOT NULL CHECK (payout_minimum_minor >= 0),
    email_hash bytea NOT NULL UNIQUE CHECK (octet_length(email_hash) = 16),
    created_at bigint NOT NULL
);

CREATE INDEX companies_by_age ON catalog.companies (created_at, id);

CREATE TABLE catalog.programs (
    id bigint PRIMARY KEY,
    company bigint NOT NULL REFERENCES catalog.companies (id)
);

CREATE TABLE catalog.terms (
    program bigint NOT NULL REFERENCES catalog.programs (id),
    version integer NOT NULL CHECK (version >= 1),
    effective_from_ms bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (program, version)
);

CREATE FUNCTION catalog.terms_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'terms are never changed or deleted: add a version';
END
$$;

CREATE TRIGGER terms_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.terms
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.terms_stay();

CREATE TABLE catalog.partners (
    id bigint PRIMARY KEY,
    email_hash bytea NOT NULL UNIQUE CHECK (octet_length(email_hash) = 16),
    tier text NOT NULL DEFAULT 'standard',
    status text NOT NULL DEFAULT 'active',
    stripe_connect_id text,
    created_at bigint NOT NULL
);

-- The one table that holds e-mail addresses and names. Kinds: 1 company, 2 partner, 3 link, 4 an address that waits for its magic
-- link. `id` is the id as 8 bytes, big end first, or the digest of the link's token.
CREATE TABLE catalog.contacts (
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 4),
    id bytea NOT NULL,
    email text,
    name text,
    widget_config text,
    PRIMARY KEY (kind, id)
);

ALTER TABLE catalog.contacts
    ALTER COLUMN email SET STATISTICS 0,
    ALTER COLUMN name SET STATISTICS 0,
    ALTER COLUMN widget_config SET STATISTICS 0;

CREATE TABLE catalog.links (
    id bigint PRIMARY KEY,
    code_folded text COLLATE "C" NOT NULL UNIQUE,
    code text NOT NULL,
    company bigint NOT NULL REFERENCES catalog.companies (id),
    program bigint NOT NULL REFERENCES catalog.programs (id),
    partner bigint NOT NULL REFERENCES catalog.partners (id),
    destination text NOT NULL,
    created_at bigint NOT NULL
);

CREATE INDEX links_of_company ON catalog.links (company, created_at, id);
CREATE INDEX links_of_partner ON catalog.links (partner, created_at, id);

-- What whoever makes a link adds it to in the same transaction, so that nobody reads all links to know how many there are.
CREATE TABLE catalog.partnerships (
    partner bigint NOT NULL REFERENCES catalog.partners (id),
    company bigint NOT NULL REFERENCES catalog.companies (id),
    links bigint NOT NULL CHECK (links > 0),
    joined_at bigint NOT NULL,
    PRIMARY KEY (partner, company)
);

CREATE TABLE catalog.link_counts (
    company bigint PRIMARY KEY REFERENCES catalog.companies (id),
    links bigint NOT NULL,
    partners bigint NOT NULL CHECK (partners BETWEEN 0 AND links)
) WITH (fillfactor = 50);

CREATE TABLE catalog.credentials (
    id bigint PRIMARY KEY,
    company bigint NOT NULL REFERENCES catalog.companies (id),
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    shown text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);

CREATE INDEX credentials_of_company ON catalog.credentials (company, kind);

-- Unlogged, so that no write-ahead log, archive or base backup holds a key; rewritten into a new file when keys are destroyed.
-- A crash empties it, and the next rotation makes the keys that are missing.
CREATE UNLOGGED TABLE catalog.day_keys (
    day integer PRIMARY KEY,
    secret bytea NOT NULL CHECK (octet_length(secret) = 16)
) WITH (autovacuum_enabled = false);

ALTER TABLE catalog.day_keys ALTER COLUMN secret SET STATISTICS 0;

CREATE TABLE catalog.receipt_keys (
    id smallint PRIMARY KEY CHECK (id BETWEEN 0 AND 63),
    secret bytea NOT NULL CHECK (octet_length(secret) = 16),
    published_at bigint NOT NULL,
    signs_from bigint NOT NULL,
    retires_at bigint
);

ALTER TABLE catalog.receipt_keys ALTER COLUMN secret SET STATISTICS 0;

CREATE TABLE catalog.magic_links (
    token_digest bytea PRIMARY KEY CHECK (octet_length(token_digest) = 32),
    account_kind smallint NOT NULL CHECK (account_kind IN (1, 2)),
    email_hash bytea NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX magic_links_by_expiry ON catalog.magic_links (expires_at);

CREATE TABLE catalog.mail_counters (
    kind smallint NOT NULL CHECK (kind IN (1, 2)),
    hash bytea NOT NULL,
    sent_at bigint NOT NULL
);

CREATE INDEX mail_counters_by_hash ON catalog.mail_counters (kind, hash, sent_at);
CREATE INDEX mail_counters_by_age ON catalog.mail_counters (sent_at);

CREATE TABLE catalog.sessions (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 16),
    account_kind smallint NOT NULL CHECK (account_kind IN (1, 2)),
    account bigint NOT NULL,
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX sessions_of_account ON catalog.sessions (account_kind, account);
CREATE INDEX sessions_by_expiry ON catalog.sessions (expires_at);

-- The newest change of each row that edges follow. Kinds: 1 company, 2 credential, 3 link.
CREATE TABLE catalog.changes (
    no bigint PRIMARY KEY,
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    id bigint NOT NULL,
    UNIQUE (kind, id)
);

-- Who numbers a change holds this row to the commit, so that numbers become visible in their order.
CREATE TABLE catalog.newest_change (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    no bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO catalog.newest_change (no) VALUES (0);

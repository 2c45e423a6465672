CREATE TABLE deployment (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE secrets (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id_key BLOB NOT NULL CHECK (length(id_key) = 16),
    person_key BLOB NOT NULL CHECK (length(person_key) = 16),
    jwt_key BLOB NOT NULL CHECK (length(jwt_key) = 32)
) STRICT;

CREATE TABLE companies (
    id INTEGER PRIMARY KEY,
    program INTEGER NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'paused')),
    payout_schedule TEXT NOT NULL CHECK (payout_schedule IN ('weekly', 'biweekly', 'monthly')),
    payout_minimum_minor INTEGER NOT NULL CHECK (payout_minimum_minor >= 0),
    email_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX companies_by_age ON companies (created_at, id);

CREATE TABLE programs (
    id INTEGER PRIMARY KEY,
    company INTEGER NOT NULL REFERENCES companies (id)
) STRICT;

CREATE TABLE terms (
    program INTEGER NOT NULL REFERENCES programs (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    effective_from_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (program, version)
) STRICT;

CREATE TRIGGER terms_are_not_changed BEFORE UPDATE ON terms
BEGIN
    SELECT RAISE(ABORT, 'terms are never changed: add a version');
END;

CREATE TRIGGER terms_are_not_deleted BEFORE DELETE ON terms
BEGIN
    SELECT RAISE(ABORT, 'terms are never deleted: add a version');
END;

CREATE TABLE partners (
    id INTEGER PRIMARY KEY,
    email_hash BLOB NOT NULL UNIQUE,
    tier TEXT NOT NULL DEFAULT 'standard',
    status TEXT NOT NULL DEFAULT 'active',
    stripe_connect_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;

-- The one table that holds e-mail addresses and names. Kinds: 1 company, 2 partner, 3 link, 4 an address that waits for its magic link.
CREATE TABLE contacts (
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
    id BLOB NOT NULL,
    email TEXT,
    name TEXT,
    widget_config TEXT,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    code_folded TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    company INTEGER NOT NULL REFERENCES companies (id),
    program INTEGER NOT NULL REFERENCES programs (id),
    partner INTEGER NOT NULL REFERENCES partners (id),
    destination TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX links_of_company ON links (company, created_at, id);
CREATE INDEX links_of_partner ON links (partner, created_at, id);

-- What whoever makes a link adds it to in the same transaction, so that nobody reads all links to know how many there are.
CREATE TABLE partnerships (
    partner INTEGER NOT NULL REFERENCES partners (id),
    company INTEGER NOT NULL REFERENCES companies (id),
    links INTEGER NOT NULL CHECK (links > 0),
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (partner, company)
) STRICT, WITHOUT ROWID;

CREATE TABLE link_counts (
    company INTEGER PRIMARY KEY REFERENCES companies (id),
    links INTEGER NOT NULL,
    partners INTEGER NOT NULL CHECK (partners BETWEEN 0 AND links)
) STRICT;

CREATE TABLE credentials (
    id INTEGER PRIMARY KEY,
    company INTEGER NOT NULL REFERENCES companies (id),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    shown TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE INDEX credentials_of_company ON credentials (company, kind);

CREATE TABLE day_keys (
    day INTEGER PRIMARY KEY,
    secret BLOB NOT NULL CHECK (length(secret) = 16)
) STRICT;

CREATE TABLE receipt_keys (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 63),
    secret BLOB NOT NULL CHECK (length(secret) = 16),
    published_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    retires_at INTEGER
) STRICT;

CREATE TABLE magic_links (
    token_digest BLOB PRIMARY KEY CHECK (length(token_digest) = 32),
    account_kind INTEGER NOT NULL CHECK (account_kind IN (1, 2)),
    email_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX magic_links_by_expiry ON magic_links (expires_at);

CREATE TABLE mail_counters (
    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
    hash BLOB NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_counters_by_hash ON mail_counters (kind, hash, sent_at);
CREATE INDEX mail_counters_by_age ON mail_counters (sent_at);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    account_kind INTEGER NOT NULL CHECK (account_kind IN (1, 2)),
    account INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_account ON sessions (account_kind, account);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The newest change of each row that edges follow. Kinds: 1 company, 2 credential, 3 link.
CREATE TABLE changes (
    no INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    id INTEGER NOT NULL,
    UNIQUE (kind, id)
) STRICT;

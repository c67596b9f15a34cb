-- What the governor has decided. Text, integers and nothing that only SQLite has, so that the same statements run on
-- PostgreSQL. Rows of `manifests` are never changed; the last one is in force.

CREATE TABLE manifests (
    version     BIGINT PRIMARY KEY,
    -- sha-256 over the files, as text.
    digest      TEXT   NOT NULL,
    -- The whole version as JSON: files, directories of mounts, the components' lock, whose work it is.
    content     TEXT   NOT NULL,
    -- The hub's signature over the version's number, its content and the seal before it.
    seal        TEXT   NOT NULL
);

CREATE TABLE tokens (
    jti         TEXT   PRIMARY KEY,
    principal   TEXT   NOT NULL,
    profile     TEXT   NOT NULL,
    -- Separated by spaces; at least one.
    scopes      TEXT   NOT NULL,
    -- RFC 3339, UTC.
    created     TEXT   NOT NULL,
    expires     TEXT,
    revoked     TEXT
);

-- Written with a decision in one transaction, and taken out when it is in the audit log.
CREATE TABLE outbox (
    id          TEXT   PRIMARY KEY,
    -- Order of writing.
    place       BIGINT NOT NULL,
    -- The audit log's entry, as JSON.
    entry       TEXT   NOT NULL
);

-- Sessions in which something was read from outside: a restart must not make an agent's context trustworthy again.
CREATE TABLE outside (
    session  TEXT   NOT NULL PRIMARY KEY,
    -- Milliseconds of Unix time.
    since_ms BIGINT NOT NULL
);
-- Bytes of egress, in both directions, of a session's whole life in a tier.
ALTER TABLE usage ADD COLUMN egress BIGINT NOT NULL DEFAULT 0;
-- What such a session has used of secrets: they are looked for in whatever comes back to it, after a restart as well.
CREATE TABLE outside_credentials (
    session    TEXT NOT NULL,
    credential TEXT NOT NULL,
    PRIMARY KEY (session, credential)
);

-- Sessions in which something was read from outside: a restart must not make an agent's context trustworthy again.
CREATE TABLE outside (
    session  TEXT   NOT NULL PRIMARY KEY,
    -- Milliseconds of Unix time.
    since_ms BIGINT NOT NULL
);
-- Bytes of egress, in both directions, of a session's whole life in a tier.
ALTER TABLE usage ADD COLUMN egress BIGINT NOT NULL DEFAULT 0;

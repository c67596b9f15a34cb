-- What each session and each principal has used of each tier, as the last second left it: a restart gives nothing back.
CREATE TABLE usage (
    -- `session` or `principal`.
    kind          TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    tier          TEXT   NOT NULL,
    -- JSON: when calls of the last hour are an hour old (milliseconds of Unix time), and how many.
    calls_in_hour TEXT   NOT NULL,
    -- Of a session's whole life.
    calls         BIGINT NOT NULL,
    wall_us       BIGINT NOT NULL,
    -- The last call and its end, as a digest, and how often it came in a row.
    last          TEXT,
    repeats       BIGINT NOT NULL,
    -- After how many identical calls the session was paused, if it is.
    paused        BIGINT,
    -- The last call that was let through, milliseconds of Unix time.
    touched       BIGINT NOT NULL,
    PRIMARY KEY (kind, name, tier)
);

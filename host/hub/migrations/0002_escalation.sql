-- Approvals: what was asked for, what a person answered, and what became of it. Leases are not in here: one that a
-- restart could bring back would be a permission that nobody gave to this process.

CREATE TABLE approvals (
    id          TEXT   PRIMARY KEY,
    -- pending, approved, denied, expired, void, claimed, executed, outcome_unknown.
    state       TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    tool        TEXT   NOT NULL,
    -- RFC 3339, UTC, whole seconds.
    requested   TEXT   NOT NULL,
    -- What was asked for, as JSON; never changed.
    asked       TEXT   NOT NULL,
    -- Who answered what, with the signature, as JSON.
    given       TEXT
);

CREATE INDEX approvals_by_state ON approvals (state);
CREATE INDEX approvals_by_tool ON approvals (tool, principal, requested);

-- Who may answer: public keys, and nothing that is a secret. A row is changed once, when it is revoked: its key is then
-- never taken again.

CREATE TABLE approvers (
    -- As OpenSSH writes it, without a comment.
    public_key  TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL,
    -- Principals that are this person: a JSON list of texts.
    principals  TEXT   NOT NULL,
    -- 1 if its passphrase is asked for each time, by the word of whoever enrolled it; else 0.
    passphrase  BIGINT NOT NULL,
    -- RFC 3339, UTC, whole seconds.
    added       TEXT   NOT NULL,
    -- The approver who signed for it; none for the first one.
    added_by    TEXT,
    revoked     TEXT
);

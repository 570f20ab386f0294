-- Records that the audit table would not take. There is no way down: it would be
-- a command that throws records away.

-- +goose Up

-- Not partitioned, without limits and constraints on what a record may be: this
-- table has to take what no other does.
CREATE TABLE kubernetes_execution_audit_quarantine (
    id              TEXT NOT NULL,
    created_at      TIMESTAMP WITH TIME ZONE,
    -- BYTEA, because text and jsonb are what could not hold it.
    record          BYTEA NOT NULL,
    -- The same record again, from whichever delivery, is the same row.
    record_digest   BYTEA NOT NULL GENERATED ALWAYS AS (sha256(record)) STORED,
    reason          TEXT NOT NULL,
    delivered_by    TEXT,
    quarantined_at  TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (id, record_digest)
);

-- The order in which it is listed.
CREATE INDEX idx_quarantined_at ON kubernetes_execution_audit_quarantine (quarantined_at, id, record_digest);

COMMENT ON TABLE kubernetes_execution_audit_quarantine IS
    'Records that kubernetes_execution_audit would not take, kept until they are replayed: auditctl quarantine list.';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.id IS
    'id of the record; TEXT, because it may be what is at fault. NUL and invalid UTF-8 are replaced, and it is cut after 255 characters';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.created_at IS
    'when the execution object was created; NULL when that is what is at fault';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.record IS
    'the record after redaction, all of it but delivered_by, as JSON in UTF-8';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.record_digest IS
    'SHA-256 of the bytes in record; not the record_sha256 of the audit table, which is in the record if it has one';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.reason IS
    'why the audit table would not take it: the condition, SQLSTATE and names that PostgreSQL gave, or field and rule; never content';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.delivered_by IS
    'id of the Temporal workflow that delivered it first';
COMMENT ON COLUMN kubernetes_execution_audit_quarantine.quarantined_at IS
    'when the row was written, by the clock of the database';

ALTER TABLE kubernetes_execution_audit_quarantine OWNER TO auditflow_maintainer;
REVOKE ALL ON kubernetes_execution_audit_quarantine FROM PUBLIC;
GRANT SELECT, INSERT ON kubernetes_execution_audit_quarantine TO auditflow_writer;
GRANT SELECT ON kubernetes_execution_audit_quarantine TO auditflow_reader;

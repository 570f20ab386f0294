-- Which redaction policy a record was redacted with. There is no way down: it
-- would be a command that forgets it.
--
-- Without a transaction, so that the lock on one table is not held while that on
-- the other is waited for: each step commits, and may be taken again.

-- +goose NO TRANSACTION
-- +goose Up

-- Without a default, so that only catalogues change, whatever the tables hold. A
-- column comes to the table and all its partitions in one step, and for the
-- moment that this takes nobody reads or writes them. NULL in the rows that are
-- there: nobody knows it of them.
ALTER TABLE kubernetes_execution_audit ADD COLUMN IF NOT EXISTS policy VARCHAR(64);
ALTER TABLE kubernetes_execution_audit_archive ADD COLUMN IF NOT EXISTS policy VARCHAR(64);

COMMENT ON COLUMN kubernetes_execution_audit.policy IS
    'version of the redaction policy that was applied; NULL when not known';
COMMENT ON COLUMN kubernetes_execution_audit.record_sha256 IS
    'SHA-256 of the canonical redacted record: everything but this column, delivered_by, policy and persisted_at';
COMMENT ON COLUMN kubernetes_execution_audit_archive.policy IS
    'version of the redaction policy that was applied; NULL when not known';
COMMENT ON COLUMN kubernetes_execution_audit_archive.record_sha256 IS
    'SHA-256 of the canonical redacted record: everything but this column, delivered_by, policy and persisted_at';

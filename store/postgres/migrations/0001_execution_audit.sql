-- The audit table, its archive and their indexes. There is no way down: it
-- would be a command that deletes the audit trail.

-- +goose Up

-- Columns up to phase are those of the seed, in its order and with its types.
-- The primary key includes created_at because that of a partitioned table must
-- include the partition key. There is no DEFAULT partition: with one, no
-- partition can be detached concurrently.
CREATE TABLE kubernetes_execution_audit (
    id                    UUID NOT NULL DEFAULT gen_random_uuid(),
    execution_id          VARCHAR(255) NOT NULL,

    workflow_ref          VARCHAR(255) NOT NULL,
    step_index            INTEGER NOT NULL,

    action_type           VARCHAR(100) NOT NULL,
    action_parameters     JSONB,

    target_namespace      VARCHAR(253),
    target_resource_kind  VARCHAR(100),
    target_resource_name  VARCHAR(253),

    success               BOOLEAN NOT NULL,
    output                TEXT,
    error                 TEXT,
    start_time            TIMESTAMP WITH TIME ZONE,
    end_time              TIMESTAMP WITH TIME ZONE,
    duration              INTERVAL,

    job_name              VARCHAR(255),
    job_pod_name          VARCHAR(255),
    job_exit_code         INTEGER,
    job_resource_usage    JSONB,

    retry_count           INTEGER DEFAULT 0,
    max_retries           INTEGER DEFAULT 3,

    created_at            TIMESTAMP WITH TIME ZONE NOT NULL,
    completed_at          TIMESTAMP WITH TIME ZONE,
    phase                 VARCHAR(50),

    cluster               VARCHAR(253) NOT NULL,
    execution_namespace   VARCHAR(253),
    execution_uid         VARCHAR(128),
    source                VARCHAR(100) NOT NULL,
    job_exit_reason       VARCHAR(255),
    job_signal            INTEGER,
    resource_usage_source VARCHAR(50),
    redactions            JSONB,
    notes                 JSONB,
    -- BYTEA, not CHAR(64): half the bytes in every row, one spelling per digest,
    -- and comparable with sha256(). psql shows it as \x and the 64 digits.
    record_sha256         BYTEA NOT NULL,
    delivered_by          TEXT,
    persisted_at          TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (id, created_at),
    CONSTRAINT record_sha256_is_a_digest CHECK (octet_length(record_sha256) = 32)
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_execution_id ON kubernetes_execution_audit (execution_id);
CREATE INDEX idx_workflow_ref ON kubernetes_execution_audit (workflow_ref);
CREATE INDEX idx_action_type ON kubernetes_execution_audit (action_type);
CREATE INDEX idx_created_at ON kubernetes_execution_audit (created_at);
CREATE INDEX idx_success ON kubernetes_execution_audit (success);
CREATE INDEX idx_target_resource ON kubernetes_execution_audit
    (target_namespace, target_resource_kind, target_resource_name);

COMMENT ON TABLE kubernetes_execution_audit IS
    'One row per completed execution, written once and never changed. Partitioned by created_at, bounds are UTC midnights. NULL means not known.';
COMMENT ON COLUMN kubernetes_execution_audit.id IS
    'UUIDv5 over cluster and execution_uid: the same execution always has the same id';
COMMENT ON COLUMN kubernetes_execution_audit.execution_id IS
    'name of the execution object; names are used again, execution_uid is not';
COMMENT ON COLUMN kubernetes_execution_audit.workflow_ref IS
    'name of the workflow execution that asked for the action; empty when none did';
COMMENT ON COLUMN kubernetes_execution_audit.step_index IS
    'position of the action in that workflow, from 0';
COMMENT ON COLUMN kubernetes_execution_audit.action_type IS
    'what was done';
COMMENT ON COLUMN kubernetes_execution_audit.action_parameters IS
    'with which parameters, after redaction';
COMMENT ON COLUMN kubernetes_execution_audit.target_namespace IS
    'namespace of the resource acted upon';
COMMENT ON COLUMN kubernetes_execution_audit.target_resource_kind IS
    'kind of the resource acted upon';
COMMENT ON COLUMN kubernetes_execution_audit.target_resource_name IS
    'name of the resource acted upon';
COMMENT ON COLUMN kubernetes_execution_audit.success IS
    'whether the execution succeeded; false also when it failed before it had a Job';
COMMENT ON COLUMN kubernetes_execution_audit.output IS
    'what the action printed, after redaction';
COMMENT ON COLUMN kubernetes_execution_audit.error IS
    'why it failed, after redaction';
COMMENT ON COLUMN kubernetes_execution_audit.start_time IS
    'when it started';
COMMENT ON COLUMN kubernetes_execution_audit.end_time IS
    'when it ended';
COMMENT ON COLUMN kubernetes_execution_audit.duration IS
    'end_time - start_time, in microseconds; NULL when either is not known or the end lies before the start';
COMMENT ON COLUMN kubernetes_execution_audit.job_name IS
    'Job that carried it out';
COMMENT ON COLUMN kubernetes_execution_audit.job_pod_name IS
    'pod that decided the Job';
COMMENT ON COLUMN kubernetes_execution_audit.job_exit_code IS
    'exit code of the container that decided the Job; NULL when not known, see job_exit_reason';
COMMENT ON COLUMN kubernetes_execution_audit.job_resource_usage IS
    '{"cpu_millicores": thousandths of a core, "memory_bytes": bytes}';
COMMENT ON COLUMN kubernetes_execution_audit.retry_count IS
    'how often it was tried again';
COMMENT ON COLUMN kubernetes_execution_audit.max_retries IS
    'how often it might have been';
COMMENT ON COLUMN kubernetes_execution_audit.created_at IS
    'when the execution object was created; decides the partition';
COMMENT ON COLUMN kubernetes_execution_audit.completed_at IS
    'when it completed, as the object tells; not when the row was written, that is persisted_at';
COMMENT ON COLUMN kubernetes_execution_audit.phase IS
    'last phase seen: Completed, Failed or Cancelled; another one when it was deleted before it ended';
COMMENT ON COLUMN kubernetes_execution_audit.cluster IS
    'cluster it ran in';
COMMENT ON COLUMN kubernetes_execution_audit.execution_namespace IS
    'namespace of the execution object';
COMMENT ON COLUMN kubernetes_execution_audit.execution_uid IS
    'UID of the execution object';
COMMENT ON COLUMN kubernetes_execution_audit.source IS
    'kind of the object the record was made from';
COMMENT ON COLUMN kubernetes_execution_audit.job_exit_reason IS
    'reason the container, pod or Job gave (Completed, OOMKilled, DeadlineExceeded, …), or why job_exit_code is not known (JobNotFound, …)';
COMMENT ON COLUMN kubernetes_execution_audit.job_signal IS
    'number of the signal that ended the container';
COMMENT ON COLUMN kubernetes_execution_audit.resource_usage_source IS
    'where job_resource_usage was taken from';
COMMENT ON COLUMN kubernetes_execution_audit.redactions IS
    'what was masked: [{"rule", "path", "count"}]; never the value';
COMMENT ON COLUMN kubernetes_execution_audit.notes IS
    'what had to be changed so that the record could be stored: [{"change", "path", "count"}]';
COMMENT ON COLUMN kubernetes_execution_audit.record_sha256 IS
    'SHA-256 of the canonical redacted record: everything but this column, delivered_by and persisted_at';
COMMENT ON COLUMN kubernetes_execution_audit.delivered_by IS
    'id of the Temporal workflow that delivered the record';
COMMENT ON COLUMN kubernetes_execution_audit.persisted_at IS
    'when the row was written, by the clock of the database';

-- Rows that were restored from the archive, to be read and dropped again. The
-- same columns in the same order, so that INSERT … SELECT * works both ways.
CREATE TABLE kubernetes_execution_audit_archive (LIKE kubernetes_execution_audit INCLUDING ALL);

COMMENT ON TABLE kubernetes_execution_audit_archive IS
    'Rows restored from the archive; the columns are those of kubernetes_execution_audit.';

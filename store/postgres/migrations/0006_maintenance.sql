-- What maintenance has to remember: what is archived, what is held, what was
-- deleted, how long things are kept, what was brought back. There is no way down:
-- it would be a command that forgets it.

-- +goose Up

-- The catalogue of the archive. A manifest lies in the bucket; whoever could
-- change it there could not change it here, too.
CREATE TABLE auditflow_manifest (
    period      TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    number      INTEGER NOT NULL CHECK (number >= 1),
    manifest    JSONB NOT NULL,
    sha256      BYTEA NOT NULL CHECK (octet_length(sha256) = 32),
    object      TEXT NOT NULL,
    noted_at    TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (period, generation, number)
);

COMMENT ON TABLE auditflow_manifest IS
    'Manifests that were published in the archive, as they were published. Rows are only added.';
COMMENT ON COLUMN auditflow_manifest.period IS
    'name of the period in the archive: 2025_01';
COMMENT ON COLUMN auditflow_manifest.generation IS
    'how often the archive of the period was deleted before, see auditflow_archive_deleted; rows that came late may begin it anew';
COMMENT ON COLUMN auditflow_manifest.number IS
    'number of the manifest in its period, from 1';
COMMENT ON COLUMN auditflow_manifest.manifest IS
    'the manifest; its digest is that of its text in the archive, not of this';
COMMENT ON COLUMN auditflow_manifest.sha256 IS
    'SHA-256 of the manifest in the archive';
COMMENT ON COLUMN auditflow_manifest.object IS
    'its key in the bucket';
COMMENT ON COLUMN auditflow_manifest.noted_at IS
    'when the row was written, by the clock of the database';

CREATE TABLE auditflow_archive_deleted (
    period      TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    noted_at    TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (period, generation)
);

COMMENT ON TABLE auditflow_archive_deleted IS
    'Which manifests the archive has no more. Why is in auditflow_tombstone. Rows are only added.';
COMMENT ON COLUMN auditflow_archive_deleted.period IS
    'name of the period';
COMMENT ON COLUMN auditflow_archive_deleted.generation IS
    'generation of its manifests, from 0';
COMMENT ON COLUMN auditflow_archive_deleted.noted_at IS
    'when the row was written, by the clock of the database';

CREATE TABLE auditflow_verification (
    period       TEXT PRIMARY KEY,
    verified_at  TIMESTAMP WITH TIME ZONE NOT NULL
);

COMMENT ON TABLE auditflow_verification IS
    'When each period of the archive was last read as a whole and found intact.';
COMMENT ON COLUMN auditflow_verification.period IS
    'name of the period';
COMMENT ON COLUMN auditflow_verification.verified_at IS
    'when, by the clock of whoever read it';

CREATE TABLE auditflow_hold (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (kind IN ('period', 'workflow_ref', 'namespace', 'action', 'id')),
    value        TEXT,
    starts       TIMESTAMP WITH TIME ZONE,
    ends         TIMESTAMP WITH TIME ZONE,
    reason       TEXT NOT NULL,
    placed_by    TEXT NOT NULL,
    placed_at    TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    released_by  TEXT,
    released_at  TIMESTAMP WITH TIME ZONE,

    -- Of a hold that says nothing, nobody could tell what it holds.
    CONSTRAINT names_what_it_holds CHECK ((CASE WHEN kind = 'period'
        THEN starts < ends AND value IS NULL ELSE value <> '' AND starts IS NULL AND ends IS NULL END) IS TRUE),
    CONSTRAINT a_value_is_an_id CHECK (CASE WHEN kind = 'id' THEN value = (value::uuid)::text ELSE true END),
    CONSTRAINT released_by_somebody CHECK ((released_by IS NULL) = (released_at IS NULL))
);

CREATE INDEX idx_not_released ON auditflow_hold (id) WHERE released_at IS NULL;

COMMENT ON TABLE auditflow_hold IS
    'What must not be deleted, in the database or in the archive, until it is released. Rows stay; a release is their only change.';
COMMENT ON COLUMN auditflow_hold.id IS
    'number of the hold';
COMMENT ON COLUMN auditflow_hold.kind IS
    'by what it names rows: period, workflow_ref, namespace, action or id';
COMMENT ON COLUMN auditflow_hold.value IS
    'the workflow_ref, namespace (target_namespace or execution_namespace), action_type or id; NULL for a period';
COMMENT ON COLUMN auditflow_hold.starts IS
    'least created_at that a period holds';
COMMENT ON COLUMN auditflow_hold.ends IS
    'created_at from which on it holds no more';
COMMENT ON COLUMN auditflow_hold.reason IS
    'why it was placed';
COMMENT ON COLUMN auditflow_hold.placed_by IS
    'by whom';
COMMENT ON COLUMN auditflow_hold.placed_at IS
    'when';
COMMENT ON COLUMN auditflow_hold.released_by IS
    'who released it';
COMMENT ON COLUMN auditflow_hold.released_at IS
    'when; NULL while it holds';

CREATE TABLE auditflow_tombstone (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what             TEXT NOT NULL CHECK (what IN ('partition', 'rows', 'archive')),
    name             TEXT NOT NULL,
    starts           TIMESTAMP WITH TIME ZONE NOT NULL,
    ends             TIMESTAMP WITH TIME ZONE NOT NULL,
    row_count        BIGINT NOT NULL CHECK (row_count >= 0),
    bytes            BIGINT NOT NULL CHECK (bytes >= 0),
    why              TEXT NOT NULL,
    policy           TEXT NOT NULL,
    manifest_sha256  BYTEA CHECK (octet_length(manifest_sha256) = 32),
    workflow_id      TEXT,
    run_id           TEXT,
    deleted_at       TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp()
);

-- One per deletion: it is written before it is done, and again if it has to be
-- done again.
CREATE UNIQUE INDEX idx_archive_tombstone ON auditflow_tombstone (name, manifest_sha256) NULLS NOT DISTINCT
    WHERE what = 'archive';
CREATE INDEX idx_tombstone_name ON auditflow_tombstone (name);

COMMENT ON TABLE auditflow_tombstone IS
    'What was deleted, and why. Rows are only added.';
COMMENT ON COLUMN auditflow_tombstone.id IS
    'number of the tombstone';
COMMENT ON COLUMN auditflow_tombstone.what IS
    'partition: a whole one was dropped. rows: of one, some were deleted; one tombstone per transaction. archive: a period in the archive, written before it is deleted';
COMMENT ON COLUMN auditflow_tombstone.name IS
    'name of the table, or of the period in the archive';
COMMENT ON COLUMN auditflow_tombstone.starts IS
    'least created_at that was concerned';
COMMENT ON COLUMN auditflow_tombstone.ends IS
    'created_at from which on nothing was';
COMMENT ON COLUMN auditflow_tombstone.row_count IS
    'how many rows';
COMMENT ON COLUMN auditflow_tombstone.bytes IS
    'how many bytes were freed; 0 for rows, whose partition keeps its size';
COMMENT ON COLUMN auditflow_tombstone.why IS
    'why, in a sentence';
COMMENT ON COLUMN auditflow_tombstone.policy IS
    'the retention that asked for it';
COMMENT ON COLUMN auditflow_tombstone.manifest_sha256 IS
    'SHA-256 of the last manifest of the period that was verified before';
COMMENT ON COLUMN auditflow_tombstone.workflow_id IS
    'Temporal workflow that did it';
COMMENT ON COLUMN auditflow_tombstone.run_id IS
    'its run';
COMMENT ON COLUMN auditflow_tombstone.deleted_at IS
    'when';

CREATE TABLE auditflow_retention (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode          TEXT NOT NULL CHECK (mode IN ('off', 'partitions', 'rows')),
    live          INTERVAL NOT NULL CHECK (live >= '0'),
    archive       INTERVAL NOT NULL CHECK (archive >= '0'),
    confirmed_by  TEXT NOT NULL,
    confirmed_at  TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE auditflow_retention IS
    'Retentions that were put in force; the last one is. Rows are only added.';
COMMENT ON COLUMN auditflow_retention.id IS
    'number, in the order in which they came into force';
COMMENT ON COLUMN auditflow_retention.mode IS
    'what is deleted in the database: partitions, rows, or nothing (off)';
COMMENT ON COLUMN auditflow_retention.live IS
    'age (now - created_at) from which rows leave the database, in hours';
COMMENT ON COLUMN auditflow_retention.archive IS
    'age from which they leave the archive; 0 is never';
COMMENT ON COLUMN auditflow_retention.confirmed_by IS
    'who put it in force';
COMMENT ON COLUMN auditflow_retention.confirmed_at IS
    'when';

CREATE TABLE auditflow_restore (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    starts       TIMESTAMP WITH TIME ZONE NOT NULL,
    ends         TIMESTAMP WITH TIME ZONE NOT NULL,
    record_id    UUID,
    row_count    BIGINT NOT NULL,
    reason       TEXT NOT NULL,
    restored_by  TEXT NOT NULL,
    restored_at  TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    expires_at   TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at     TIMESTAMP WITH TIME ZONE,

    CHECK (starts < ends)
);

CREATE INDEX idx_not_ended ON auditflow_restore (expires_at) WHERE ended_at IS NULL;

COMMENT ON TABLE auditflow_restore IS
    'What was brought back from the archive into kubernetes_execution_audit_archive, and until when.';
COMMENT ON COLUMN auditflow_restore.id IS
    'number of the restore';
COMMENT ON COLUMN auditflow_restore.starts IS
    'least created_at that was brought back';
COMMENT ON COLUMN auditflow_restore.ends IS
    'created_at from which on nothing was';
COMMENT ON COLUMN auditflow_restore.record_id IS
    'id of the only row that was; NULL when all were';
COMMENT ON COLUMN auditflow_restore.row_count IS
    'how many rows, also those that another restore had brought back already';
COMMENT ON COLUMN auditflow_restore.reason IS
    'why';
COMMENT ON COLUMN auditflow_restore.restored_by IS
    'by whom';
COMMENT ON COLUMN auditflow_restore.restored_at IS
    'when';
COMMENT ON COLUMN auditflow_restore.expires_at IS
    'when its rows may be taken away again, unless another restore has them, too';
COMMENT ON COLUMN auditflow_restore.ended_at IS
    'when they were; NULL while they are there';

CREATE TABLE auditflow_detached (
    table_name  TEXT PRIMARY KEY,
    starts      TIMESTAMP WITH TIME ZONE NOT NULL,
    ends        TIMESTAMP WITH TIME ZONE NOT NULL,
    noted_at    TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE auditflow_detached IS
    'Partitions on their way out: noted before they are detached, until they are dropped. Without it a detached one would be a table like any other.';
COMMENT ON COLUMN auditflow_detached.table_name IS
    'name of the table, in the schema of kubernetes_execution_audit';
COMMENT ON COLUMN auditflow_detached.starts IS
    'its lower bound when it was a partition';
COMMENT ON COLUMN auditflow_detached.ends IS
    'its upper bound';
COMMENT ON COLUMN auditflow_detached.noted_at IS
    'when the row was written, by the clock of the database';

-- Live and restored rows as one. The look-up of each restored row is a sub-select
-- with a LIMIT, not a join: PostgreSQL would read all partitions for a join, as it
-- does not see that a bound on created_at holds for its other side, too.
CREATE VIEW kubernetes_execution_audit_all AS
SELECT a.*, false AS restored FROM kubernetes_execution_audit a
UNION ALL
SELECT r.*, true FROM kubernetes_execution_audit_archive r
WHERE (SELECT true FROM kubernetes_execution_audit a
    WHERE a.id = r.id AND a.created_at = r.created_at LIMIT 1) IS NULL;

COMMENT ON VIEW kubernetes_execution_audit_all IS
    'Rows of kubernetes_execution_audit and those restored from the archive; one that is in both once, as the former has it.';
COMMENT ON COLUMN kubernetes_execution_audit_all.restored IS
    'whether the row is only there because it was restored';

-- Against mistakes, not against the owner, who could drop the triggers.
-- +goose StatementBegin
CREATE FUNCTION auditflow_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%s: rows are only added', TG_TABLE_NAME);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION auditflow_refuse_change IS
    'refuses to change or delete what has to be remembered';

-- +goose StatementBegin
CREATE FUNCTION auditflow_release_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL
        OR (to_jsonb(OLD) - 'released_by' - 'released_at') <> (to_jsonb(NEW) - 'released_by' - 'released_at')
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'auditflow_hold: a hold is released, once, and not changed';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION auditflow_release_only IS
    'refuses every change of a hold but its release';

-- +goose StatementBegin
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY[
        'auditflow_manifest', 'auditflow_archive_deleted', 'auditflow_tombstone', 'auditflow_retention']
    LOOP
        EXECUTE format('CREATE TRIGGER rows_are_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION auditflow_refuse_change()', kept);
    END LOOP;
    CREATE TRIGGER rows_stay BEFORE DELETE OR TRUNCATE ON auditflow_hold
        FOR EACH STATEMENT EXECUTE FUNCTION auditflow_refuse_change();
    CREATE TRIGGER only_a_release BEFORE UPDATE ON auditflow_hold
        FOR EACH ROW EXECUTE FUNCTION auditflow_release_only();
END
$$;
-- +goose StatementEnd

-- Whoever reads the trail may know what became of it; whoever writes it needs
-- nothing of this.
-- +goose StatementBegin
DO $$
DECLARE
    ours text;
BEGIN
    FOREACH ours IN ARRAY ARRAY[
        'auditflow_manifest', 'auditflow_archive_deleted', 'auditflow_verification', 'auditflow_hold',
        'auditflow_tombstone', 'auditflow_retention', 'auditflow_restore', 'auditflow_detached',
        'kubernetes_execution_audit_all']
    LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO auditflow_maintainer', ours);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', ours);
        EXECUTE format('GRANT SELECT ON %I TO auditflow_reader', ours);
    END LOOP;
    ALTER FUNCTION auditflow_refuse_change OWNER TO auditflow_maintainer;
    ALTER FUNCTION auditflow_release_only OWNER TO auditflow_maintainer;
    REVOKE ALL ON FUNCTION auditflow_refuse_change, auditflow_release_only FROM PUBLIC;
END
$$;
-- +goose StatementEnd

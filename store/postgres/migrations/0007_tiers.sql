-- What moving a partition to another tablespace needs: a note of how far it is,
-- and a function that keeps the twin it is copied to up to date. There is no way
-- down: it would forget which tables are such twins.

-- +goose Up

CREATE TABLE auditflow_move (
    table_name  TEXT PRIMARY KEY,
    table_oid   OID NOT NULL,
    twin_name   TEXT NOT NULL,
    twin_oid    OID NOT NULL,
    tablespace  TEXT NOT NULL,
    mirrored    BOOLEAN NOT NULL DEFAULT false,
    copied_at   TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT '-infinity',
    copied_id   UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    row_count   BIGINT NOT NULL DEFAULT 0,
    broken      BOOLEAN NOT NULL DEFAULT false,
    swapped     BOOLEAN NOT NULL DEFAULT false,
    started_at  TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE auditflow_move IS
    'Partitions that are being moved to another tablespace, until they are there. Two at once only after a crash.';
COMMENT ON COLUMN auditflow_move.table_name IS
    'name of the partition, in the schema of kubernetes_execution_audit';
COMMENT ON COLUMN auditflow_move.table_oid IS
    'the table that is copied; once swapped, the one that waits to be dropped';
COMMENT ON COLUMN auditflow_move.twin_name IS
    'name of the table it is copied to, until that becomes the partition';
COMMENT ON COLUMN auditflow_move.twin_oid IS
    'the table it is copied to';
COMMENT ON COLUMN auditflow_move.tablespace IS
    'where it goes';
COMMENT ON COLUMN auditflow_move.mirrored IS
    'whether what is written to the partition is written to the twin, too';
COMMENT ON COLUMN auditflow_move.copied_at IS
    'created_at of the last row that was copied';
COMMENT ON COLUMN auditflow_move.copied_id IS
    'its id';
COMMENT ON COLUMN auditflow_move.row_count IS
    'how many rows were copied';
COMMENT ON COLUMN auditflow_move.broken IS
    'whether a row could not be written to the twin, which is then of no use';
COMMENT ON COLUMN auditflow_move.swapped IS
    'whether the twin is the partition now';
COMMENT ON COLUMN auditflow_move.started_at IS
    'when the twin was made, by the clock of the database';

ALTER TABLE auditflow_move OWNER TO auditflow_maintainer;
REVOKE ALL ON auditflow_move FROM PUBLIC;
GRANT SELECT ON auditflow_move TO auditflow_reader;

-- Runs with the rights of the owner, since writers have none on a twin. The name of
-- the twin is an argument of the trigger, not looked up, because a transaction
-- with an old snapshot would not find it.
-- +goose StatementBegin
DO $do$
BEGIN
    CREATE FUNCTION auditflow_mirror() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $function$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            -- Such a transaction would not see what was copied since it began, and
            -- so leave a row that it deletes.
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE feature_not_supported USING
                    MESSAGE = 'the partition is being moved: its rows are deleted in read committed transactions only';
            END IF;
            -- Who copies has this lock alone: a row that was read before it was
            -- deleted would else be written after that.
            PERFORM pg_advisory_xact_lock_shared(1635083370, TG_RELID::int4);
            EXECUTE format('DELETE FROM %I.%I WHERE id = $1.id AND created_at = $1.created_at', TG_TABLE_SCHEMA, TG_ARGV[0])
                USING OLD;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            EXECUTE format('INSERT INTO %I.%I SELECT ($1).* ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA, TG_ARGV[0])
                USING NEW;
        END IF;
        RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
        -- A tablespace that is full shall not keep a record out of another.
        IF TG_OP <> 'INSERT' THEN
            RAISE;
        END IF;
        PERFORM FROM auditflow_move WHERE table_oid = TG_RELID AND broken;
        IF NOT FOUND THEN
            UPDATE auditflow_move SET broken = true WHERE table_oid = TG_RELID;
            IF NOT FOUND THEN
                RAISE;
            END IF;
        END IF;
        RETURN NULL;
    END
    $function$;
    EXECUTE format('ALTER FUNCTION auditflow_mirror SET search_path = %I, pg_temp', current_schema());
    ALTER FUNCTION auditflow_mirror OWNER TO auditflow_maintainer;
    -- Whoever may use it in a trigger may write to any table of the owner.
    REVOKE ALL ON FUNCTION auditflow_mirror FROM PUBLIC;
    COMMENT ON FUNCTION auditflow_mirror IS
        'writes what is written to a partition to its twin, too, while it is moved to another tablespace';
END
$do$;
-- +goose StatementEnd

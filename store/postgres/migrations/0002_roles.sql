-- Three group roles, to be granted to logins: who writes cannot change or delete
-- what is written, who reads cannot write. Roles belong to the whole cluster, so
-- other databases may have created them, or be creating them at this moment.
--
-- Without a transaction, so that no lock is held while another is waited for:
-- each step commits, and may be taken again after a failure in a later one.

-- +goose NO TRANSACTION
-- +goose Up

-- +goose StatementBegin
DO $$
DECLARE
    role_name text;
    purpose text;
BEGIN
    FOR role_name, purpose IN VALUES
        ('auditflow_writer', 'may store audit records, not change them'),
        ('auditflow_reader', 'may read audit records'),
        ('auditflow_maintainer', 'owns the tables of audit records: migrates, partitions, drops')
    LOOP
        CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, 'auditflow: ' || purpose);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database was faster
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Whoever migrates must have the rights of the owner, of tables that later
-- migrations change. Since PostgreSQL 16, having created a role is not enough.
-- +goose StatementBegin
DO $$
BEGIN
    FOR attempt IN 1..10 LOOP
        EXIT WHEN pg_has_role(current_user, 'auditflow_maintainer', 'USAGE');
        BEGIN
            EXECUTE format('GRANT auditflow_maintainer TO %I', current_user);
            EXIT;
        -- "tuple concurrently updated" is an internal error: memberships, too,
        -- belong to the whole cluster.
        EXCEPTION WHEN unique_violation OR internal_error THEN
            PERFORM pg_sleep(0.01 * attempt);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- The owner of a table must be able to create one where it lies.
-- +goose StatementBegin
DO $$
DECLARE
    grantee text;
    privilege text;
BEGIN
    FOR grantee, privilege IN VALUES
        ('auditflow_maintainer', 'USAGE'), ('auditflow_maintainer', 'CREATE'),
        ('auditflow_writer', 'USAGE'), ('auditflow_reader', 'USAGE')
    LOOP
        CONTINUE WHEN has_schema_privilege(grantee, current_schema(), privilege);
        EXECUTE format('GRANT %s ON SCHEMA %I TO %I', privilege, current_schema(), grantee);
        -- GRANT only warns when there is nothing one may grant.
        IF NOT has_schema_privilege(grantee, current_schema(), privilege) THEN
            RAISE insufficient_privilege;
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Rights are given on the partitioned table only. Partitions have none, so that
-- everything but the owner's access goes through the table.
-- +goose StatementBegin
DO $$
DECLARE
    owned regclass;
BEGIN
    FOREACH owned IN ARRAY ARRAY[
        'kubernetes_execution_audit', 'kubernetes_execution_audit_archive', 'auditflow_schema_version']::regclass[]
    LOOP
        IF (SELECT relowner <> 'auditflow_maintainer'::regrole FROM pg_class WHERE oid = owned) THEN
            EXECUTE format('ALTER TABLE %s OWNER TO auditflow_maintainer', owned);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', owned);
        COMMIT;
    END LOOP;
    GRANT SELECT, INSERT ON kubernetes_execution_audit TO auditflow_writer;
    GRANT SELECT ON kubernetes_execution_audit, kubernetes_execution_audit_archive TO auditflow_reader;
    GRANT SELECT ON auditflow_schema_version TO auditflow_writer, auditflow_reader;
END
$$;
-- +goose StatementEnd

-- The partitions that exist, as the function below makes new ones.
-- +goose StatementBegin
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'kubernetes_execution_audit'::regclass
        AND c.relowner <> 'auditflow_maintainer'::regrole ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s SET (
            autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 1000,
            autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000)', partition);
        EXECUTE format('ALTER TABLE %s OWNER TO auditflow_maintainer', partition);
        COMMIT;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- A record that comes late creates its partition, but writers own no table. They
-- call this function instead, which runs with the rights of the owner and trusts
-- no argument. The search_path is pinned: what it names is in the schema of the
-- table, whatever the caller's path says.
-- +goose StatementBegin
DO $do$
BEGIN
    CREATE OR REPLACE FUNCTION auditflow_create_partition(partition_name text, starts timestamptz, ends timestamptz)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET TimeZone = 'UTC' SET DateStyle = 'ISO'
    AS $function$
    BEGIN
        -- A digit follows the prefix: tables of later releases shall be out of reach.
        IF (partition_name COLLATE "C" ~ '^kubernetes_execution_audit_w?[0-9][a-z0-9_]*$'
            AND octet_length(partition_name) <= 63) IS NOT TRUE
        THEN
            RAISE invalid_object_definition USING MESSAGE = 'not a name for a partition';
        END IF;
        -- The years 1970 to 9999, and the weeks in which they begin and end.
        IF (starts >= '1969-12-29' AND ends <= '10000-01-03'
            AND starts = date_trunc('day', starts) AND ends = date_trunc('day', ends)
            AND starts < ends AND ends - starts <= interval '31 days') IS NOT TRUE
        THEN
            RAISE invalid_object_definition USING MESSAGE = 'not bounds for a partition',
                HINT = 'UTC midnights, at most 31 days apart, in the years 1970 to 9999';
        END IF;
        -- Two statements, not CREATE TABLE … PARTITION OF: that locks the table
        -- against reading and writing, ATTACH lets both go on. Rows are only
        -- inserted, so it is inserts that must set off vacuum, which marks pages
        -- all-visible for index-only scans, and analyze.
        EXECUTE format('CREATE TABLE %I (LIKE kubernetes_execution_audit INCLUDING ALL) WITH (
            autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 1000,
            autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000)', partition_name);
        EXECUTE format('ALTER TABLE kubernetes_execution_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition_name, starts, ends);
    END
    $function$;
    EXECUTE format('ALTER FUNCTION auditflow_create_partition SET search_path = %I, pg_temp', current_schema());
    ALTER FUNCTION auditflow_create_partition OWNER TO auditflow_maintainer;
    REVOKE ALL ON FUNCTION auditflow_create_partition FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION auditflow_create_partition TO auditflow_writer;
    COMMENT ON FUNCTION auditflow_create_partition IS
        'creates a partition of kubernetes_execution_audit with the rights of its owner';
END
$do$;
-- +goose StatementEnd

-- Roles and logins, to be made by an administrator in the database that will hold the
-- records: docs/database.md. The passwords are to be changed.
CREATE ROLE auditflow_maintainer NOLOGIN;
CREATE ROLE auditflow_writer NOLOGIN;
CREATE ROLE auditflow_reader NOLOGIN;
GRANT USAGE, CREATE ON SCHEMA public TO auditflow_maintainer;
GRANT USAGE ON SCHEMA public TO auditflow_writer, auditflow_reader;

CREATE ROLE audit_migrate LOGIN PASSWORD 'change-me-1';
GRANT auditflow_maintainer TO audit_migrate;

CREATE ROLE audit_worker LOGIN PASSWORD 'change-me-2';
GRANT auditflow_writer TO audit_worker;

CREATE ROLE audit_reader LOGIN PASSWORD 'change-me-3';
GRANT auditflow_reader TO audit_reader;

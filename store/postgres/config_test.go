package postgres_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/store/postgres"
)

func TestAllFaultsOfAConfigurationAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	err := postgres.Config{MaxConns: -1, Interval: "hourly"}.Validate()
	for _, field := range []string{"url: ", "max_conns: ", "interval: "} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("no fault for %s in: %v", field, err)
		}
	}
	if _, err := postgres.Open(t.Context(), postgres.Config{}); err == nil {
		t.Error("opened without a URL")
	}
}

func TestAFaultyURLIsNotQuoted(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:" + canary + "@host:port/db",
		"postgres://user:%zz" + canary + "@host/db",
		"postgres://user:pass/" + canary + "@host/db",
		"host=h password='" + canary,
		"password=" + canary + " port=x",
		"postgres://h/db?sslmode=" + canary,
		"postgres://h/db?pool_max_conns=" + canary,
		canary,
	} {
		err := postgres.Config{URL: url}.Validate()
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("want a fault without the URL, got: %v", err)
		}
	}
}

func TestAMissingCertificateIsNamed(t *testing.T) {
	t.Parallel()
	err := postgres.Config{URL: "postgres://h/db?sslmode=verify-full&sslrootcert=/none/ca.pem"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "/none/ca.pem") {
		t.Errorf("got: %v", err)
	}
}

func TestTheServerSeesWhoIsConnected(t *testing.T) {
	t.Parallel()
	address := database(t)
	must(t, open(t, postgres.Config{URL: address}).Ping(t.Context()))
	names := column[string](t, connect(t, address), `SELECT application_name FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	equal(t, "application_name", strings.Join(names, " "), "auditflow")
}

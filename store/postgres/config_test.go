package postgres_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

func TestAFileThatIsNoCertificateIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "it's a file.pem")
	must(t, os.WriteFile(path, []byte(canary), 0o600))
	quoted := "'" + strings.ReplaceAll(path, "'", `\'`) + "'"
	for setting, url := range map[string]string{
		"sslrootcert":             "postgres://h/db?sslmode=verify-full&sslrootcert=" + path,
		"sslrootcert, by keyword": "host=h password=" + canary + " sslmode=verify-full sslrootcert = " + quoted,
		"sslcert":                 "postgres://h/db?sslmode=require&sslcert=" + path + "&sslkey=" + path,
		"sslcert, by keyword":     "host=h sslmode=require sslcert=" + quoted + " sslkey=" + quoted,
	} {
		err := postgres.Config{URL: url}.Validate()
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got: %v", setting, err)
		}
	}
}

func TestAPasswordIsInOnePlaceOnly(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://user:" + canary + "@h/db":            "password_file: ",
		"postgres://user@h/db?password=" + canary:        "password_file: ",
		"host=h user=u password=" + canary:               "password_file: ",
		"postgres://user@h/db?sslmode=verify-full":       "",
		"host=h user=u application_name='password=none'": "",
	} {
		err := postgres.Config{URL: url, PasswordFile: "/etc/auditflow/password"}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got: %v", want, err)
		}
	}
}

func TestAConfigurationPrintsWithoutItsURL(t *testing.T) {
	t.Parallel()
	config := postgres.Config{URL: "postgres://user:" + canary + "@host/db", MaxConns: 3}
	var logged strings.Builder
	for _, log := range []*slog.Logger{
		slog.New(slog.NewTextHandler(&logged, nil)), slog.New(slog.NewJSONHandler(&logged, nil)),
	} {
		log.Info("open", "config", config, "pointer", &config)
	}
	for how, printed := range map[string]string{
		"%v": fmt.Sprint(config), "%+v": fmt.Sprintf("%+v", config), "%#v": fmt.Sprintf("%#v", config),
		"%s": config.String(), "a pointer": fmt.Sprintf("%+v", &config),
		"in a struct": fmt.Sprintf("%+v %#v", struct{ C postgres.Config }{config}, []postgres.Config{config}),
		"slog":        logged.String(),
	} {
		if strings.Contains(printed, "host") || !strings.Contains(printed, "MaxConns:3") {
			t.Errorf("%s: %s", how, printed)
		}
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

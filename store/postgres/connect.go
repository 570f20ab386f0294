package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// settingsError is a connection that was not even tried, because a file it needs
// is missing or half-written. It names the file and quotes nothing of it.
type settingsError struct{ cause error }

func (e *settingsError) Error() string { return e.cause.Error() }
func (e *settingsError) Unwrap() error { return e.cause }

// refresh runs before each new connection and reads again whatever the
// configuration refers to: certificates and passwords change while we run. It
// is given a copy of the settings that Open made.
func (c Config) refresh(_ context.Context, settings *pgx.ConnConfig) error {
	fresh, err := parseURL(c.URL)
	if err == nil && c.PasswordFile != "" {
		fresh.ConnConfig.Password, err = readPassword(c.PasswordFile)
	}
	if err != nil {
		return &settingsError{err}
	}
	*settings = *fresh.ConnConfig
	return nil
}

func readPassword(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if password == "" {
		return "", fmt.Errorf("password file %s is empty", path)
	}
	return password, nil
}

// urlFault says what is wrong with a URL without quoting it: pgx does quote it,
// with the password masked as far as it can make one out, and a string that
// does not parse is where it cannot. Files may be named.
func urlFault(text string, err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file
	}
	if fault := certificateFault(text); fault != nil {
		return fault
	}
	return errors.New("is not a PostgreSQL URL or keyword/value string, or a setting in it has a wrong value" +
		" (not quoted, it may hold a password)")
}

// certificateFault names a file that can be read and is not what it should be,
// which pgx does not.
func certificateFault(text string) error {
	root, cert, key := setting(text, "sslrootcert"), setting(text, "sslcert"), setting(text, "sslkey")
	if root != "" && root != "system" {
		if pem, err := os.ReadFile(root); err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return fmt.Errorf("sslrootcert %s: no certificate in it", root)
		}
	}
	if cert != "" && key != "" {
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			return fmt.Errorf("sslcert %s and sslkey %s: not a certificate and its key", cert, key)
		}
	}
	return nil
}

var (
	keywordValue = regexp.MustCompile(`(?:^|\s)(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))`)
	escaped      = regexp.MustCompile(`\\(.)`)
)

// setting finds the value of one setting where libpq does, service files apart.
func setting(text, name string) string {
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		if parsed, err := url.Parse(text); err == nil && parsed.Query().Has(name) {
			return parsed.Query().Get(name)
		}
		return os.Getenv("PG" + strings.ToUpper(name))
	}
	for _, found := range keywordValue.FindAllStringSubmatch(text, -1) {
		if found[1] == name {
			return escaped.ReplaceAllString(found[2]+found[3], "$1")
		}
	}
	return os.Getenv("PG" + strings.ToUpper(name))
}

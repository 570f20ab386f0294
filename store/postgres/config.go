package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
)

const (
	defaultMaxConns = 8
	// defaultConnectTimeout is how long one attempt to connect may take when
	// the URL has no connect_timeout. pgx would wait two minutes, longer than
	// any caller of ours wants to wait before it learns what is wrong.
	defaultConnectTimeout = 5 * time.Second

	// Connections end when they are half an hour old, so that a certificate or a
	// password that was replaced is out of use by then. They end up to five
	// minutes apart, so that not all connect anew at once.
	maxConnLifetime       = 25 * time.Minute
	maxConnLifetimeJitter = 5 * time.Minute

	applicationName = "auditflow" // what pg_stat_activity shows, unless the URL names another
)

// Config says where the records are kept.
type Config struct {
	// URL is a PostgreSQL URL or keyword/value string as libpq takes it, with
	// libpq's environment variables (PGPASSFILE, PGSSLROOTCERT, …) for what it
	// leaves out. It may hold a password and never shows up in an error, nor
	// where the Config is printed. The files it refers to (sslcert, sslkey,
	// sslrootcert, passfile) are read again for every new connection.
	// connect_timeout is 5 seconds unless it says otherwise. Required.
	URL string
	// PasswordFile is the path of a file that holds the password and nothing
	// else but a newline at its end. It is read for every new connection, so
	// that a password may change while connections stand. Empty means that the
	// password, if one is needed, is where libpq looks for it; it must not be
	// there as well.
	PasswordFile string
	// MaxConns is how many connections the store may hold at once; 0 means 8.
	// It outranks pool_max_conns in the URL.
	MaxConns int32
	// Interval is how much time a partition holds that Append has to create;
	// empty means monthly. It may be changed at any time: new partitions go
	// between the old ones.
	Interval audit.Interval
}

// String masks the URL, and so do GoString and LogValue.
func (c Config) String() string {
	return fmt.Sprintf("{URL:(masked) PasswordFile:%s MaxConns:%d Interval:%s}", c.PasswordFile, c.MaxConns, c.Interval)
}

// GoString is for the verb %#v.
func (c Config) GoString() string { return "postgres.Config" + c.String() }

// LogValue is for package slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Validate reports every fault at once, each with its field.
func (c Config) Validate() error {
	_, _, err := c.resolve()
	return err
}

// resolve fills in the defaults.
func (c Config) resolve() (*pgxpool.Config, audit.Interval, error) {
	var faults []error
	pool, err := parseURL(c.URL)
	if err != nil {
		faults = append(faults, fmt.Errorf("url: %w", err))
	}
	if err == nil && c.PasswordFile != "" && pool.ConnConfig.Password != "" {
		faults = append(faults, errors.New("password_file: there is a password in the URL, the passfile or PGPASSWORD already"))
	}
	if c.MaxConns < 0 {
		faults = append(faults, fmt.Errorf("max_conns: %d: want 1 or more, or 0 for %d", c.MaxConns, defaultMaxConns))
	}
	interval, err := audit.ParseInterval(string(c.Interval))
	if err != nil {
		faults = append(faults, fmt.Errorf("interval: %w", err))
	}
	if len(faults) > 0 {
		return nil, "", errors.Join(faults...)
	}
	pool.MaxConns = c.MaxConns
	if pool.MaxConns == 0 {
		pool.MaxConns = defaultMaxConns
	}
	if pool.MaxConnLifetime+pool.MaxConnLifetimeJitter > maxConnLifetime+maxConnLifetimeJitter {
		pool.MaxConnLifetime, pool.MaxConnLifetimeJitter = maxConnLifetime, maxConnLifetimeJitter
	}
	pool.BeforeConnect = c.refresh
	return pool, interval, nil
}

func parseURL(url string) (*pgxpool.Config, error) {
	if url == "" {
		return nil, errors.New("is required")
	}
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, urlFault(url, err)
	}
	if pool.ConnConfig.ConnectTimeout == 0 {
		pool.ConnConfig.ConnectTimeout = defaultConnectTimeout
	}
	if pool.ConnConfig.RuntimeParams["application_name"] == "" {
		pool.ConnConfig.RuntimeParams["application_name"] = applicationName
	}
	return pool, nil
}

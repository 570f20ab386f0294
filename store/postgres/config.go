package postgres

import (
	"errors"
	"fmt"
	"io/fs"
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

	applicationName = "auditflow" // what pg_stat_activity shows, unless the URL names another
)

// Config says where the records are kept.
type Config struct {
	// URL is a PostgreSQL URL or keyword/value string as libpq takes it, with
	// libpq's environment variables (PGPASSFILE, PGSSLROOTCERT, …) for what it
	// leaves out. It may hold a password and never shows up in an error.
	// connect_timeout is 5 seconds unless it says otherwise. Required.
	URL string
	// MaxConns is how many connections the store may hold at once; 0 means 8.
	// It outranks pool_max_conns in the URL.
	MaxConns int32
	// Interval is how much time a partition holds that Append has to create;
	// empty means monthly. It may be changed at any time: new partitions go
	// between the old ones.
	Interval audit.Interval
}

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
	return pool, interval, nil
}

func parseURL(url string) (*pgxpool.Config, error) {
	if url == "" {
		return nil, errors.New("is required")
	}
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, urlFault(err)
	}
	if pool.ConnConfig.ConnectTimeout == 0 {
		pool.ConnConfig.ConnectTimeout = defaultConnectTimeout
	}
	if pool.ConnConfig.RuntimeParams["application_name"] == "" {
		pool.ConnConfig.RuntimeParams["application_name"] = applicationName
	}
	return pool, nil
}

// urlFault says what is wrong with a URL without quoting it: pgx does quote it,
// with the password masked as far as it can make one out, and a string that
// does not parse is where it cannot. A file that is missing may be named.
func urlFault(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file
	}
	return errors.New("is not a PostgreSQL URL or keyword/value string, or a setting in it has a wrong value" +
		" (not quoted, it may hold a password)")
}

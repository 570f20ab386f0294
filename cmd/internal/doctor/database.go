package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/postgres"
)

// The checks of the area beside those of others.
const (
	checkSchema     = "schema"
	checkLogin      = "login"
	checkMaintainer = "login of maintenance"
	checkRoles      = "roles and grants"
	checkPartitions = "partitions"
)

const (
	leastVersion          = 150_000 // of PostgreSQL
	insufficientPrivilege = "42501" // SQLSTATE
)

func (e Exam) database(ctx context.Context, c *chart, p Patient) {
	rest := []string{checkSchema, checkRoles, checkLogin, checkMaintainer, checkPartitions, checkClock}
	if p.Database.URL == "" {
		c.skip(checkServer, "nobody said where it is (database.url)")
		for _, check := range rest {
			c.skip(check, "nobody said where the database is")
		}
		return
	}
	store, err := e.connect(ctx, p.Database)
	if err != nil {
		c.away(checkServer, "start PostgreSQL, or put host, user and password right (database.url)", err, rest...)
		return
	}
	defer func(daily *postgres.Store) { daily.Close() }(store)
	var access postgres.Access
	if err := e.within(ctx, func(ctx context.Context) (err error) { access, err = store.Access(ctx); return err }); err != nil {
		c.away(checkServer, "look into the log of PostgreSQL", err, rest...)
		return
	}
	if access.Version < leastVersion {
		c.fault(checkServer, "upgrade it to version 15 or later", "PostgreSQL %s", access.Server)
	} else {
		c.ok(checkServer, "PostgreSQL %s", access.Server)
	}
	migrated := e.schema(ctx, c, store)
	roles(c, access, migrated)
	everyday(c, p, access, migrated)
	if other := e.maintainer(ctx, c, p, access); other != nil {
		defer other.Close()
		if !access.Tells { // a writer may not see what is on its way out
			store = other
		}
	}
	e.partitions(ctx, c, p, store, migrated)
	e.databaseClock(ctx, c, store)
}

func (e Exam) connect(ctx context.Context, config postgres.Config) (*postgres.Store, error) {
	store, err := postgres.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := e.within(ctx, store.Ping); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// schema is false when the tables may not be there.
func (e Exam) schema(ctx context.Context, c *chart, store *postgres.Store) bool {
	var schema postgres.Schema
	err := e.within(ctx, func(ctx context.Context) (err error) { schema, err = store.Schema(ctx); return err })
	switch {
	case err != nil:
		c.fault(checkSchema, "give the login one of the roles auditflow_writer, auditflow_reader, auditflow_maintainer", "%v", err)
		return false
	case !schema.Usable():
		c.fault(checkSchema, "run the release that migrated it, or a newer one", "version %d, of a newer release than this one, which knows %d", schema.Database, schema.Release)
	case len(schema.Pending) > 0:
		c.fault(checkSchema, "auditctl migrate", "version %d, this release needs %d; pending: %s", schema.Database, schema.Release, strings.Join(schema.Pending, ", "))
	case schema.Database > schema.Release:
		c.ok(checkSchema, "version %d, of a newer release that this one, which knows %d, can work beside", schema.Database, schema.Release)
	default:
		c.ok(checkSchema, "version %d, that of this release", schema.Database)
	}
	return schema.Database > 0
}

func roles(c *chart, a postgres.Access, migrated bool) {
	switch {
	case !migrated:
		c.skip(checkRoles, checkSchema+" has to be put right first")
	case len(a.Absent) > 0:
		c.fault(checkRoles, "auditctl migrate, as a login that may create roles", "there is no role %s", strings.Join(a.Absent, ", "))
	case len(a.Missing) > 0:
		c.fault(checkRoles, strings.Join(a.Missing, "; "), "of the rights that migrations gave %d are missing", len(a.Missing))
	case len(a.Public) > 0:
		c.warn(checkRoles, "REVOKE ALL ON "+strings.Join(a.Public, ", ")+" FROM PUBLIC", "everybody who may connect has rights on %s", strings.Join(a.Public, ", "))
	default:
		c.ok(checkRoles, "writer, reader and maintainer have the rights that migrations gave")
	}
}

// everyday is about the login that writes or reads all day, which should be able
// to do that and not more.
func everyday(c *chart, p Patient, a postgres.Access, migrated bool) {
	writes := p.Keys.KeysetFile != "" // a worker
	may, role := a.Reads && a.Tells, "auditflow_reader"
	if writes {
		may, role = a.Writes, "auditflow_writer"
	}
	separate := p.Maintenance.URL != "" || !p.Maintains
	switch {
	case !migrated:
		c.skip(checkLogin, checkSchema+" has to be put right first")
	case a.Superuser:
		c.warn(checkLogin, "CREATE ROLE … LOGIN IN ROLE "+role+", and use that", "%s is a superuser, to whom nothing is refused", a.Login)
	case !may:
		c.fault(checkLogin, "GRANT "+role+" TO "+a.Login, "%s may not %s the trail", a.Login, verb(writes))
	case a.Changes && separate:
		c.warn(checkLogin, "REVOKE auditflow_maintainer FROM "+a.Login+", and leave changes to the login of maintenance", "%s may change and delete audit records", a.Login)
	default:
		c.ok(checkLogin, "%s may %s the trail", a.Login, verb(writes))
	}
}

func verb(writes bool) string {
	if writes {
		return "write"
	}
	return "read"
}

// maintainer is about the login that creates, archives and drops. Where it is one
// of its own, it returns the store that is open with it.
func (e Exam) maintainer(ctx context.Context, c *chart, p Patient, a postgres.Access) (own *postgres.Store) {
	if p.Maintenance.URL == "" && !p.Maintains {
		c.skip(checkMaintainer, "no configuration says that maintenance is done (--config)")
		return nil
	}
	if p.Maintenance.URL != "" {
		var err error
		if own, err = e.connect(ctx, p.Maintenance); err == nil {
			err = e.within(ctx, func(ctx context.Context) (err error) { a, err = own.Access(ctx); return err })
		}
		if err != nil {
			c.away(checkMaintainer, "put host, user and password right (maintenance.database_url)", err)
			return own
		}
	}
	if a.Maintains {
		c.ok(checkMaintainer, "%s may create and drop partitions", a.Login)
		return own
	}
	c.fault(checkMaintainer, "GRANT auditflow_maintainer TO "+a.Login+", or name another login (maintenance.database_url)",
		"%s may not create, archive or drop partitions", a.Login)
	return own
}

func (e Exam) partitions(ctx context.Context, c *chart, p Patient, store *postgres.Store, migrated bool) {
	if !migrated {
		c.skip(checkPartitions, checkSchema+" has to be put right first")
		return
	}
	const cure = "auditctl partitions create, and look why schedule audit-create-partitions does not"
	err := e.within(ctx, func(ctx context.Context) error {
		partitions, err := store.Partitions(ctx)
		if err != nil {
			return err
		}
		now := e.Now()
		runway := lifecycle.Runway(now, partitions)
		until := now.Add(runway).UTC().Format(time.DateOnly)
		missing := lifecycle.CreateAhead(now, p.Plan.Create, partitions)
		switch {
		case runway == 0:
			c.fault(checkPartitions, cure, "there is none for the present: each record has to create one")
		case len(missing) > 0:
			c.warn(checkPartitions, cure, "they suffice until %s; of those that should be there %d are missing, the first is %s", until, len(missing), missing[0].Suffix())
		default:
			c.ok(checkPartitions, "they suffice until %s", until)
		}
		return nil
	})
	if refused, ok := errors.AsType[*postgres.Error](err); ok && refused.Code == insufficientPrivilege {
		c.skip(checkPartitions, "no login that is configured may see them; auditflow_reader may")
	} else if err != nil {
		c.fault(checkPartitions, "look into the log of PostgreSQL", "%v", err)
	}
}

// databaseClock compares our clock with the database's, give or take the time
// that asking takes.
func (e Exam) databaseClock(ctx context.Context, c *chart, store *postgres.Store) {
	var there time.Time
	before := e.Now()
	err := e.within(ctx, func(ctx context.Context) (err error) { there, err = store.Clock(ctx); return err })
	took := e.Now().Sub(before)
	apart := there.Sub(before.Add(took / 2)).Round(time.Millisecond)
	switch {
	case err != nil:
		c.fault(checkClock, "look into the log of PostgreSQL", "%v", err)
	case apart.Abs() > skew+took/2:
		c.warn(checkClock, "synchronise the clocks of this machine and of PostgreSQL's (NTP)", "the database is %s from this machine", apart)
	default:
		c.ok(checkClock, "the database is %s from this machine, give or take %s", apart, (took / 2).Round(time.Millisecond))
	}
}

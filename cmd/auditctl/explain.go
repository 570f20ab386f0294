package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

func (p *program) explainCommand() *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use: "explain ID", Short: "where a record is, how it got there, or why it did not yet",
		Long: `Explains where the record of an execution is now and how it got there: its table or
quarantine, when it was created, completed and persisted, which workflow delivered
it in how many attempts, what was masked, and whether the row still has the digest
that it was written with. Of a record that is not there yet it tells why; of one that
is not there any more, where in the archive it is (if it is said where that is:
--bucket-url, ` + variableBucket + ` or the configuration), and when and why
its partition was dropped. Holds on it are told.

ID is the id of a row, the UID of an execution, or the id of a workflow (audit/…).
With --cluster a UID leads to its row without Temporal's help. Of a record that was
posted from a source of its own, and is not there yet, only the id of its workflow
tells.

Temporal is asked where --temporal-address, ` + variableAddress + ` or the configuration say,
else at ` + defaultTemporal + ` if anybody answers there. It forgets a workflow when the
retention of its namespace has passed; the row does not.

Exit code 0 if the record is in the database or in the archive, unchanged, else 1.`,
		Example: `  auditctl explain 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11
  auditctl explain "$(kubectl get kex scale-web -o jsonpath='{.metadata.uid}')" --cluster prod-eu
  auditctl explain audit/KubernetesExecution/3f2c9d41-8a53-4d3c-9a44-7f0f3a0c1b22 -o json
  auditctl explain 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11 --bucket-url 's3://audit?region=eu-central-1'`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "cluster of the execution, if ID is its UID or its workflow")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asked, err := parseSubject(args[0], cluster)
		if err != nil {
			return err
		}
		return p.explain(cmd.Context(), asked)
	}
	return cmd
}

// subject is what an explanation is asked about.
type subject struct {
	text    string
	cluster string // "" when not known
}

func parseSubject(text, cluster string) (subject, error) {
	s := subject{text, cluster}
	if workflows.IsBatch(text) {
		return s, usage("%q delivers several records: name one of them by the id of its row", text)
	}
	if isUUID(text) {
		s.text = strings.ToLower(text)
	} else if _, isWorkflow := s.workflow(); !isWorkflow && cluster == "" {
		return s, usage("%q is neither a UUID nor a workflow id (audit/…); a UID that is no UUID needs --cluster", text)
	}
	return s, nil
}

// workflow splits audit/<source>/<uid>.
func (s subject) workflow() (uid string, ok bool) {
	if rest, ok := strings.CutPrefix(s.text, "audit/"); ok {
		_, uid, ok = strings.Cut(rest, "/")
		return uid, ok
	}
	return "", false
}

// uid is that of the execution, if the subject is not the id of a row.
func (s subject) uid() string {
	if uid, ok := s.workflow(); ok {
		return uid
	}
	return s.text
}

// rowIDs are the ids under which the record may be stored.
func (s subject) rowIDs() (ids []string) {
	if isUUID(s.uid()) { // which stands in the id of a workflow, too, where nobody knew the UID
		ids = append(ids, s.uid())
	}
	if s.cluster != "" {
		ids = append(ids, audit.ID(s.cluster, s.uid()))
	}
	return ids
}

// workflowIDs are those of the deliveries that may carry the record.
func (s subject) workflowIDs() []string {
	if _, ok := s.workflow(); ok {
		return []string{s.text}
	}
	var ids []string
	for _, source := range sources {
		ids = append(ids, deliveryID(source, s.text))
	}
	return ids
}

// The states of a record.
const (
	stateLive        = "live"        // in a partition of the audit table
	stateRestored    = "restored"    // in the table that holds what came back from the archive
	stateArchived    = "archived"    // in the archive, and not in the database any more
	stateQuarantined = "quarantined" // PostgreSQL would not take it
	stateDelivering  = "delivering"  // a workflow is at it
	stateStored      = "stored"      // it was, says Temporal, and the database does not answer
	stateGone        = "gone"        // it was delivered, and its row is not in the database any more
	stateAbandoned   = "abandoned"   // its workflow ended without delivering it
	stateUnknown     = "unknown"
)

// explanation is all that could be found out. Its JSON is what -o json writes.
type explanation struct {
	Asked       string      `json:"asked"`
	State       string      `json:"state"`
	ID          string      `json:"id,omitempty"`
	Row         *placement  `json:"row,omitempty"`
	Quarantined []detention `json:"quarantined,omitempty"`
	Delivery    *delivery   `json:"delivery,omitempty"`
	// Filed is where in the archive it is, or may be; Tombstones tell what was
	// deleted of its time, Holds which hold it.
	Filed      []filing          `json:"filed,omitempty"`
	Tombstones []audit.Tombstone `json:"tombstones,omitempty"`
	Holds      []audit.Hold      `json:"holds,omitempty"`
	// Database is asked or unreachable; Temporal, too, or not asked, or
	// forgotten: it knows no such workflow any more.
	Database string `json:"database"`
	Temporal string `json:"temporal"`
	// Archive is, when the database has no row: asked, not asked or unreachable.
	Archive string `json:"archive,omitempty"`

	databaseErr, archiveErr error
	record                  *audit.Record
}

// placement is what the row tells.
type placement struct {
	Table       string            `json:"table,omitempty"` // none of what is archived
	CreatedAt   time.Time         `json:"created_at"`
	CompletedAt time.Time         `json:"completed_at,omitzero"`
	PersistedAt time.Time         `json:"persisted_at"`
	Lag         *time.Duration    `json:"lag,omitempty"` // persisted_at - completed_at
	DeliveredBy string            `json:"delivered_by,omitempty"`
	Policy      string            `json:"policy,omitempty"` // that it was redacted with
	Redactions  []audit.Redaction `json:"redactions,omitempty"`
	Notes       []audit.Note      `json:"notes,omitempty"`
	// RecordSHA256 was written with the row, Computed follows from what was read.
	RecordSHA256  string `json:"record_sha256"`
	Computed      string `json:"computed_sha256"`
	DigestMatches bool   `json:"digest_matches"`
}

// detention is one record in quarantine.
type detention struct {
	QuarantinedAt time.Time `json:"quarantined_at"`
	Reason        string    `json:"reason"`
	DeliveredBy   string    `json:"delivered_by,omitempty"`
}

// explain asks the database and Temporal, and tells. That one of them fails is no
// reason not to ask the other: it may be what holds the record up.
func (p *program) explain(ctx context.Context, asked subject) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, s.database)
	if err != nil {
		return err
	}
	defer store.Close()
	e := explanation{Asked: asked.text, State: stateUnknown, databaseErr: p.connect(ctx, store)}
	e.look(ctx, store, asked.rowIDs())

	link, temporalErr := p.dialTemporal(ctx, s)
	if link != nil {
		defer link.Close()
		temporalErr = e.ask(ctx, store, link, asked)
	}
	e.noteTemporal(link != nil, s.temporalGiven, temporalErr)
	p.lookBeyond(ctx, &e, store, s, asked.rowIDs())
	if err := p.single(e, func(page *page) { e.tell(page) }); err != nil {
		return err
	}
	switch {
	case e.databaseErr != nil:
		return e.databaseErr
	case e.archiveErr != nil:
		return e.archiveErr
	case temporalErr != nil && s.temporalGiven:
		return &failure{err: temporalErr}
	}
	return e.verdict()
}

// look finds the record in the database, as long as that answers.
func (e *explanation) look(ctx context.Context, store *postgres.Store, ids []string) {
	if e.databaseErr == nil {
		e.databaseErr = e.lookFor(ctx, store, ids)
	}
	e.Database = answered
	if e.databaseErr != nil {
		e.Database = unreachable
	}
}

// lookFor takes the first id that has a record.
func (e *explanation) lookFor(ctx context.Context, store *postgres.Store, ids []string) error {
	for _, id := range ids {
		r, err := store.Get(ctx, id)
		if errors.Is(err, postgres.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		e.place(r)
		return nil
	}
	return e.lookInQuarantine(ctx, store, ids)
}

func (e *explanation) place(r row) {
	e.ID, e.State, e.record = r.ID, stateLive, &r.Record
	if strings.HasSuffix(strings.TrimSuffix(r.Table, `"`), "_archive") {
		e.State = stateRestored
	}
	e.Row = &placement{
		Table: r.Table, CreatedAt: r.CreatedAt, CompletedAt: r.CompletedAt, PersistedAt: r.PersistedAt,
		DeliveredBy: r.DeliveredBy, Policy: r.Policy, Redactions: r.Redactions, Notes: r.Notes,
		RecordSHA256: r.RecordSHA256, Computed: r.Digest(),
	}
	e.Row.DigestMatches = e.Row.Computed == e.Row.RecordSHA256
	if !r.CompletedAt.IsZero() {
		lag := r.PersistedAt.Sub(r.CompletedAt)
		e.Row.Lag = &lag
	}
}

// lookInQuarantine reads all of it: it has no look-up by id, and whoever lets it
// grow long has another problem.
func (e *explanation) lookInQuarantine(ctx context.Context, store *postgres.Store, ids []string) error {
	for q, err := range store.Quarantine(ctx, 0) {
		if err != nil {
			return err
		}
		for _, id := range ids {
			if q.ID == id {
				e.ID, e.State = q.ID, stateQuarantined
				e.Quarantined = append(e.Quarantined, detention{q.QuarantinedAt, q.Reason, q.DeliveredBy})
			}
		}
	}
	return nil
}

// verdict is an error unless the row is there, as it was written.
func (e *explanation) verdict() error {
	switch e.State {
	case stateLive, stateRestored, stateArchived:
		if !e.Row.DigestMatches {
			return no("the digest of record %s differs from that of its row", e.ID)
		}
		return nil
	case stateUnknown:
		return &noError{answer: "no record is known by " + e.Asked, hint: "Hint: for the UID of an execution, say its --cluster, or where Temporal is; for an old one, where the archive is (--bucket-url)."}
	}
	return no("") // all was said
}

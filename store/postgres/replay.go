package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// Replay tries once more to store a record that is in quarantine, normalised as
// this release does it, and takes it out of quarantine when its row is there.
// [audit.OutcomeQuarantined] says that it stays where it is. So does a record in
// conflict with the row that is there: it is the only copy of what it tells.
//
// Of several records under one id each has its receipt, the oldest first;
// without any the error is [ErrNotFound]. Whatever became of a call, it may be
// repeated: a record leaves quarantine in the transaction that stores it. Only a
// member of auditflow_maintainer may take records out.
func (s *Store) Replay(ctx context.Context, id string) ([]audit.Receipt, error) {
	op := "replay " + subject(id)
	entries, err := s.entriesOf(ctx, id)
	if err != nil {
		return nil, convert(op, err)
	}
	var receipts []audit.Receipt
	for _, e := range entries {
		receipt, err := s.replay(ctx, op, e)
		if errors.Is(err, errGone) {
			continue // somebody else has replayed it meanwhile
		}
		if err != nil {
			return receipts, err
		}
		receipts = append(receipts, receipt)
	}
	if len(receipts) == 0 {
		return nil, fmt.Errorf("%s: %w in quarantine", op, ErrNotFound)
	}
	return receipts, nil
}

var (
	errGone  = errors.New("no longer in quarantine")
	errStays = errors.New("stays in quarantine")
)

func (s *Store) replay(ctx context.Context, op string, e entry) (audit.Receipt, error) {
	q, err := s.readEntry(ctx, e)
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Receipt{}, errGone
	}
	if err != nil {
		return audit.Receipt{}, convert(op, err)
	}
	record := q.Record.Normalise()
	record.RecordSHA256 = record.Digest()
	it := itemOf(&record)
	if it.fault == "" {
		if err := s.release(ctx, op, e, it); err != nil {
			return audit.Receipt{}, err
		}
	}
	if it.fault != "" {
		it.settle(audit.OutcomeQuarantined, quarantineTable)
	}
	return it.receipt, nil
}

// release moves an item from quarantine to the audit table, or finds it at fault
// or in conflict and leaves it where it is. A partition is only made where there is
// none for the row: whoever replays may not know of which interval the others are.
func (s *Store) release(ctx context.Context, op string, e entry, it *item) error {
	err := s.move(ctx, op, e, it)
	if failure, ok := errors.AsType[*Error](convert(op, err)); ok && isNoPartition(failure) {
		// Outside the transaction, which the missing partition has ended.
		if _, err := s.createPartitions(ctx, s.periodsOf([]*item{it})); err != nil {
			return convert(op+": create the missing partition", err)
		}
		err = s.move(ctx, op, e, it)
	}
	switch failure, _ := errors.AsType[*Error](convert(op, err)); {
	case err == nil, errors.Is(err, errStays):
		return nil
	case errors.Is(err, errGone):
		return errGone
	case Class(failure) == ClassData:
		it.fault = failure.reason()
		return nil
	default:
		return failure
	}
}

// move is one transaction.
func (s *Store) move(ctx context.Context, op string, e entry, it *item) error {
	items := []*item{it}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := takeOut(ctx, tx, e); err != nil {
			return err
		}
		if err := tryInsert(ctx, tx, items); err != nil {
			return err
		}
		if err := compare(ctx, tx, op, items); err != nil {
			return err
		}
		if it.receipt.Outcome == audit.OutcomeConflict {
			return errStays
		}
		return nil
	})
}

// takeOut waits for whoever is taking the same record out.
func takeOut(ctx context.Context, tx pgx.Tx, e entry) error {
	tag, err := tx.Exec(ctx, `DELETE FROM `+quarantineTable+` WHERE id = $1 AND record_digest = $2`, e.id, e.digest)
	if err == nil && tag.RowsAffected() == 0 {
		return errGone
	}
	return err
}

package postgres

import "context"

// store puts every item into the table or finds it at fault; those whose rows
// were there before stay open. found is how many are at fault. With an error,
// some may be stored and others not: they are settled by storing them again.
func (s *Store) store(ctx context.Context, op string, items []*item) (found int, err error) {
	fault, err := s.insert(ctx, op, items)
	switch {
	case err != nil:
		return 0, err
	case fault == nil:
		return 0, nil
	case len(items) == 1:
		items[0].fault = fault.reason()
		return 1, nil
	}
	return s.bisect(ctx, op, items)
}

// bisect stores the items of a statement that failed, in halves, until the rows
// at fault stand alone: for one among n that takes between log₂n and 2·log₂n
// statements.
//
// Where the first half has none at fault the second must, so that it is halved
// without being tried. Unless the items were at fault only together (too large
// for one statement): then the halves of the second turn out well, too.
func (s *Store) bisect(ctx context.Context, op string, items []*item) (found int, err error) {
	first, second := items[:len(items)/2], items[len(items)/2:]
	found, err = s.store(ctx, op, first)
	if err != nil {
		return found, err
	}
	rest := s.store
	if found == 0 && len(second) > 1 {
		rest = s.bisect
	}
	more, err := rest(ctx, op, second)
	return found + more, err
}

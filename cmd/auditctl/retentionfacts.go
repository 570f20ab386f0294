package main

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/worker"
)

// situations gathers what decides about each partition. Of those that have not
// expired nobody needs to know more.
func (p *program) situations(ctx context.Context, k *keeping, r audit.Retention) ([]lifecycle.Situation, error) {
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	deliveries, closeLink, err := p.deliveries(ctx, k.settings)
	if err != nil {
		return nil, err
	}
	defer closeLink()
	situations := make([]lifecycle.Situation, len(partitions))
	for i, partition := range partitions {
		situations[i].Partition = partition
		if lifecycle.Expired(p.now(), r, partition) {
			if situations[i], err = k.situation(ctx, partition, deliveries); err != nil {
				return nil, err
			}
		}
	}
	return situations, nil
}

func (k *keeping) situation(ctx context.Context, partition audit.Partition, deliveries activities.Deliveries) (s lifecycle.Situation, err error) {
	s.Partition = partition
	if s.Holds, err = k.store.Holding(ctx, partition.Name); err != nil {
		return s, err
	}
	if deliveries != nil {
		if s.InFlight, err = deliveries.InFlight(ctx, partition.Period.Start, partition.Period.End); err != nil {
			return s, &failure{err: err}
		}
	}
	if partition.State == audit.PartitionDetaching {
		return s, nil // to be counted when it is a table of its own
	}
	rows, err := k.store.Count(ctx, partition.Name, time.Time{})
	s.Empty = rows == 0
	return s, err
}

// deliveries are those under way, as Temporal knows them; nil when it is not
// known where that is.
func (p *program) deliveries(ctx context.Context, s settings) (activities.Deliveries, func(), error) {
	link, err := p.dialTemporal(ctx, s)
	if err != nil {
		return nil, nil, &failure{err: err}
	}
	if link == nil {
		p.tell("Temporal is not asked for deliveries under way: nobody said where it is (--temporal-address).")
		return nil, func() {}, nil
	}
	return worker.NewDeliveries(link), link.Close, nil
}

package doctor

import (
	"context"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

func (e Exam) schedules(ctx context.Context, c *chart, p Patient) {
	for _, s := range p.Plan.Schedules() {
		var there *client.ScheduleDescription
		err := e.within(ctx, func(ctx context.Context) (err error) {
			there, err = p.Temporal.ScheduleClient().GetHandle(ctx, s.ID).Describe(ctx)
			return err
		})
		check := checkSchedule + s.ID
		switch {
		case isNotFound(err):
			c.fault(check, "start a worker with maintenance.enabled: true, which creates it", "there is no such schedule")
		case err != nil:
			c.fault(check, "the login in Temporal has to be allowed to describe schedules", "cannot be asked: %v", err)
		default:
			scheduled(c, check, s, there, p.Configured)
		}
	}
}

// scheduled compares a schedule with the configuration it should have been made
// from. A pause is somebody's decision, and the first thing that is forgotten.
func scheduled(c *chart, check string, s workflows.Schedule, there *client.ScheduleDescription, configured bool) {
	digest, err := s.Configuration()
	next := there.Info.NextActionTimes
	switch {
	case err != nil:
		c.fault(check, "put the configuration right", "%v", err)
	case there.Schedule.State.Paused:
		note := there.Schedule.State.Note
		if note == "" {
			note = "nobody said why"
		}
		c.warn(check, "temporal schedule toggle --unpause --schedule-id "+s.ID, "paused: %s", note)
	case len(next) == 0:
		c.fault(check, "look at it in Temporal's UI, or delete it: a worker that starts creates it anew", "it will never run again")
	case !configured:
		c.ok(check, "next on %s; whether it is as configured needs --config", next[0].UTC().Format("2006-01-02 15:04:05 MST"))
	case worker.MadeFrom(*there) != digest:
		c.warn(check, "restart a worker with this configuration, or give the one that is in use",
			"it was made from another configuration than this one, which says %s (%s)", s.Cron, s.Summary)
	default:
		tellCron(c, check, s, there)
	}
}

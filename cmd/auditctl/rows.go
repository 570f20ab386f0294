package main

import (
	"fmt"
	"strconv"
	"time"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/postgres"
)

// How rows look in tables, whichever command lists them.

type row = postgres.Row

// rowColumn makes a column of text in one colour.
func rowColumn(c terminal.Column, text func(*row) string) column[row] {
	return column[row]{c, func(r *row) terminal.Cell { return terminal.Cell{Text: text(r)} }}
}

func dimColumn(c terminal.Column, text func(*row) string) column[row] {
	return column[row]{c, func(r *row) terminal.Cell { return terminal.Cell{Text: text(r), Paint: terminal.Dim} }}
}

// rowColumns are the columns that row tables choose from.
type rowColumns struct{ in *time.Location }

func (c rowColumns) timed(name string, of func(*row) time.Time) column[row] {
	return rowColumn(terminal.Column{Title: name + " (" + c.in.String() + ")"}, func(r *row) string { return instant(of(r), c.in) })
}

func (c rowColumns) created() column[row] {
	return c.timed("CREATED", func(r *row) time.Time { return r.CreatedAt })
}

func (c rowColumns) completed() column[row] {
	return c.timed("COMPLETED", func(r *row) time.Time { return r.CompletedAt })
}

func (rowColumns) id() column[row] {
	return dimColumn(terminal.Column{Title: "ID", Drop: 1}, func(r *row) string { return r.ID })
}

func (rowColumns) action() column[row] {
	return rowColumn(terminal.Column{Title: "ACTION", Least: 8}, func(r *row) string { return r.ActionType })
}

func (rowColumns) execution() column[row] {
	return rowColumn(terminal.Column{Title: "EXECUTION", Least: 10}, func(r *row) string { return r.ExecutionID })
}

// target is namespace/Kind/name, without what is not known.
func (rowColumns) target() column[row] {
	return rowColumn(terminal.Column{Title: "TARGET", Least: 12}, func(r *row) string { return or(target(r), unknown) })
}

func (rowColumns) phase() column[row] {
	return column[row]{terminal.Column{Title: "PHASE", Least: 6}, func(r *row) terminal.Cell {
		return terminal.Cell{Text: r.Phase, Paint: phasePaint(r)}
	}}
}

func (rowColumns) duration() column[row] {
	return rowColumn(terminal.Column{Title: "TOOK", Right: true, Drop: 2}, func(r *row) string { return lasted(r.Duration) })
}

func (rowColumns) retries() column[row] {
	return column[row]{terminal.Column{Title: "RETRIES", Right: true, Drop: 4}, func(r *row) terminal.Cell {
		if r.RetryCount == 0 {
			return terminal.Cell{Text: "·", Paint: terminal.Dim}
		}
		return terminal.Cell{Text: strconv.Itoa(int(r.RetryCount)), Paint: terminal.Yellow}
	}}
}

func (rowColumns) step() column[row] {
	return rowColumn(terminal.Column{Title: "STEP", Right: true}, func(r *row) string { return strconv.Itoa(int(r.StepIndex)) })
}

func (rowColumns) workflow() column[row] {
	return rowColumn(terminal.Column{Title: "WORKFLOW", Least: 10}, func(r *row) string { return r.WorkflowRef })
}

func (rowColumns) exit() column[row] {
	return rowColumn(terminal.Column{Title: "EXIT", Right: true, Drop: 3}, func(r *row) string { return optional(r.JobExitCode) })
}

func (rowColumns) reason() column[row] {
	return dimColumn(terminal.Column{Title: "REASON", Least: 8}, func(r *row) string { return r.JobExitReason })
}

func (rowColumns) cluster() column[row] {
	return dimColumn(terminal.Column{Title: "CLUSTER", Least: 7}, func(r *row) string { return r.Cluster })
}

func (rowColumns) pod() column[row] {
	return dimColumn(terminal.Column{Title: "POD", Least: 10}, func(r *row) string { return r.JobPodName })
}

func (rowColumns) errorText() column[row] {
	return column[row]{terminal.Column{Title: "ERROR", Least: 20}, func(r *row) terminal.Cell {
		return terminal.Cell{Text: r.Error, Paint: terminal.Red}
	}}
}

func (rowColumns) cpu() column[row] {
	return rowColumn(terminal.Column{Title: "CPU", Right: true}, func(r *row) string {
		if r.JobResourceUsage == nil {
			return unknown
		}
		return millicores(float64(r.JobResourceUsage.CPUMillicores))
	})
}

func (rowColumns) memory() column[row] {
	return rowColumn(terminal.Column{Title: "MEMORY", Right: true}, func(r *row) string {
		if r.JobResourceUsage == nil {
			return unknown
		}
		return mebibytes(float64(r.JobResourceUsage.MemoryBytes))
	})
}

// wide is every column that holds no long text.
func (c rowColumns) wide() []column[row] {
	return []column[row]{
		c.id(), c.created(), c.completed(), c.cluster(), c.workflow(), c.step(), c.execution(), c.action(), c.target(),
		c.phase(), c.duration(), c.retries(), c.exit(), c.reason(), c.cpu(), c.memory(), c.pod(),
	}
}

// sheet lists rows with the given columns as the table.
func (c rowColumns) sheet(columns ...column[row]) sheet[row] {
	failed := int64(0)
	return sheet[row]{
		table: columns, wide: c.wide(), csv: rowFields(),
		count: func(r *row) {
			if !r.Success {
				failed++
			}
		},
		totals: func(n int64) string {
			return fmt.Sprintf("%s: %s succeeded, %s did not", plural(n, "execution"), grouped(n-failed), grouped(failed))
		},
	}
}

// What each command shows of a row.

func findSheet(in *time.Location) sheet[row] {
	c := rowColumns{in}
	return c.sheet(c.created(), c.action(), c.target(), c.phase(), c.duration(), c.retries(), c.exit(), c.id())
}

func workflowSheet(in *time.Location) sheet[row] {
	c := rowColumns{in}
	return c.sheet(c.step(), c.created(), c.execution(), c.action(), c.target(), c.phase(), c.duration(), c.retries(), c.id())
}

func failuresSheet(in *time.Location) sheet[row] {
	c := rowColumns{in}
	return c.sheet(c.completed(), c.action(), c.target(), c.errorText(), c.retries(), c.id())
}

func slowSheet(in *time.Location) sheet[row] {
	c := rowColumns{in}
	took := c.duration()
	took.Drop = 0 // it is what was asked for
	return c.sheet(took, c.created(), c.action(), c.target(), c.phase(), c.cpu(), c.memory(), c.id())
}

func trailSheet(in *time.Location) sheet[row] {
	c := rowColumns{in}
	return c.sheet(c.created(), c.action(), c.target(), c.phase(), c.execution(), c.pod(), c.id())
}

func phasePaint(r *row) terminal.Paint {
	switch {
	case v1.Phase(r.Phase) == v1.PhaseCancelled:
		return terminal.Yellow
	case !v1.Phase(r.Phase).Terminal():
		return terminal.Purple // deleted before it ended
	case r.Success:
		return terminal.Green
	}
	return terminal.Red
}

func target(r *row) (path string) {
	for _, part := range []string{r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName} {
		switch {
		case part == "":
		case path == "":
			path = part
		default:
			path += "/" + part
		}
	}
	return path
}

func optional[T int32](n *T) string {
	if n == nil {
		return unknown
	}
	return strconv.Itoa(int(*n))
}

package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// byCallers is a figure for each number of callers, by that number.
type byCallers[T any] map[string]T

// appendFigures is out/append.json.
type appendFigures struct {
	RowsPerSecond map[string]byCallers[float64] `json:"rows_per_s"`
	ToCopy        byCallers[float64]            `json:"append_100_to_copy_100"`
	ToStream      byCallers[float64]            `json:"append_100_to_copy_stream"`
	CPU           map[string]byCallers[cpuCost] `json:"cpu_ms_per_row"`
}

type cpuCost struct {
	Client float64 `json:"client"`
	Server float64 `json:"server"`
}

func appendFiguresOf(cells []*cell) appendFigures {
	f := appendFigures{
		RowsPerSecond: map[string]byCallers[float64]{}, ToCopy: byCallers[float64]{},
		ToStream: byCallers[float64]{}, CPU: map[string]byCallers[cpuCost]{},
	}
	for _, c := range cells {
		if f.RowsPerSecond[c.writer.name] == nil {
			f.RowsPerSecond[c.writer.name], f.CPU[c.writer.name] = byCallers[float64]{}, byCallers[cpuCost]{}
		}
		callers, rows := strconv.Itoa(c.callers), time.Duration(max(1, c.rows))
		f.RowsPerSecond[c.writer.name][callers] = math.Round(c.rate())
		f.CPU[c.writer.name][callers] = cpuCost{milliseconds(c.cpu.client / rows), milliseconds(c.cpu.server / rows)}
	}
	for callers, rate := range f.RowsPerSecond["append_100_rows"] {
		f.ToCopy[callers] = math.Round(100*rate/f.RowsPerSecond["copy_100_rows"][callers]) / 100
		f.ToStream[callers] = math.Round(100*rate/f.RowsPerSecond["copy_stream"][callers]) / 100
	}
	return f
}

// leastRatio is how near to COPY Append has to come.
const leastRatio = 0.6

func (f appendFigures) verdict() error {
	for _, callers := range callerCounts {
		if ratio := f.ToCopy[strconv.Itoa(callers)]; ratio < leastRatio {
			return fmt.Errorf("with %d callers, Append of %d rows reached %.2f times the rows per second of COPY, want %.1f",
				callers, batch, ratio, leastRatio)
		}
	}
	return nil
}

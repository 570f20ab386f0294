package price

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is all tables, for docs/performance.md.
func (f *Figures) Markdown() string {
	var m strings.Builder
	fmt.Fprintf(&m, "Measured %s on %s, %d cores, %.0f GiB, %s: PostgreSQL %s, Temporal %s (SDK %s), Go %s, commit %s; %.0f s.\n",
		f.At.Format("2006-01-02"), f.Machine.CPU, f.Machine.Cores, f.Machine.MemoryGiB, f.Machine.OS,
		f.Version.PostgreSQL, f.Version.Temporal, f.Version.TemporalSDK, f.Version.Go, f.Commit, f.Seconds)
	f.topTable(&m)
	f.waysTable(&m)
	f.writtenTable(&m)
	f.lagTable(&m)
	f.growthTables(&m)
	f.killTable(&m)
	f.controllerTable(&m)
	for _, name := range slices.Sorted(maps.Keys(f.Plots())) {
		fmt.Fprintf(&m, "\n![%s](img/%s)\n", plotNames[name], name)
	}
	return m.String()
}

func row(m *strings.Builder, cells ...string) { fmt.Fprintf(m, "| %s |\n", strings.Join(cells, " | ")) }

// head begins a table; all columns but the first are figures.
func head(m *strings.Builder, names ...string) {
	m.WriteByte('\n')
	row(m, names...)
	m.WriteString("|---|" + strings.Repeat("---:|", len(names)-1) + "\n")
}

func (f *Figures) topTable(m *strings.Builder) {
	head(m, "key", "measured", "bound")
	for _, top := range f.tops() {
		if top.value != nil {
			row(m, "`"+top.name+"`", fmt.Sprintf("**%.3g**", *top.value), top.text())
		}
	}
	for _, name := range []string{"single_vs_noop_without_input", "all_in_one_vs_noop_without_input"} {
		if ratio, measured := f.Ratios[name]; measured {
			row(m, plain(name), ratio.text("%.3g"), "")
		}
	}
}

func (f *Figures) waysTable(m *strings.Builder) {
	if len(f.Ways) == 0 {
		return
	}
	names := []string{"ms of processor time per record"}
	for _, group := range groupsInOrder() {
		names = append(names, groupNames[group])
	}
	head(m, append(names, "all (least–most)", "records a second")...)
	for _, name := range f.order() {
		w := f.Ways[name]
		cells := []string{plain(name)}
		for _, group := range groupsInOrder() {
			cells = append(cells, figure(w.ByGroup[group], "%.3g"))
		}
		row(m, append(cells, w.CPU.text("%.3g"), w.Rate.text("%.0f"))...)
	}
}

// figure is empty where nothing was spent.
func figure(value float64, format string) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf(format, value)
}

func (f *Figures) writtenTable(m *strings.Builder) {
	if len(f.Ways) == 0 {
		return
	}
	head(m, "bytes per record", "log, audit", "log, Temporal", "stored, audit", "stored, histories", "stored, visibility", "records a workflow", "events", "history")
	for _, name := range f.order() {
		w, per := f.Ways[name], ""
		if w.Workflows > 0 {
			per = fmt.Sprintf("%.0f", 1/w.Workflows)
		}
		row(m, plain(name), figure(w.WAL[groupAudit], "%.0f"), figure(w.WAL[groupHistory], "%.0f"), figure(w.Stored["audit"], "%.0f"),
			figure(w.Stored["temporal"], "%.0f"), figure(w.Stored["temporal_visibility"], "%.0f"), per, figure(w.Events, "%.0f"), figure(w.History, "%.0f"))
	}
}

func (f *Figures) lagTable(m *strings.Builder) {
	if len(f.Lag) == 0 {
		return
	}
	head(m, "ms after completion", "a second", "records", "committed: p50", "p99", "p99.9", "answered: p50", "p99", "p99.9")
	for _, l := range f.Lag {
		cells := []string{l.What, fmt.Sprintf("%.0f", l.Rate), fmt.Sprint(l.Records)}
		for _, t := range []Tail{l.Committed, l.Answered} {
			cells = append(cells, fmt.Sprintf("%.3g", t.P50), fmt.Sprintf("%.3g", t.P99), fmt.Sprintf("%.3g", t.P999))
		}
		row(m, cells...)
	}
}

func (f *Figures) growthTables(m *strings.Builder) {
	if f.Growth == nil {
		return
	}
	for _, t := range []struct {
		of    string
		steps []Step
	}{{"records in a backlog", f.Growth.Records}, {"workers", f.Growth.Workers}, {"bytes of a record", f.Growth.Sizes}} {
		head(m, t.of, "way", "records", "a second", "ms of processor time", "stored, audit", "stored by Temporal")
		for _, s := range t.steps {
			row(m, fmt.Sprint(s.Of), plain(s.Way), fmt.Sprint(s.Records), fmt.Sprintf("%.0f", s.Rate), fmt.Sprintf("%.3g", s.CPU),
				fmt.Sprintf("%.0f", s.Stored["audit"]), fmt.Sprintf("%.0f", s.Stored["temporal"]+s.Stored["temporal_visibility"]))
		}
	}
}

func (f *Figures) killTable(m *strings.Builder) {
	if len(f.Kills) == 0 {
		return
	}
	head(m, "way", "killed", "offered", "refused", "lost", "accepted and lost", "last row after, s")
	for _, k := range f.Kills {
		row(m, plain(k.Way), k.Victim, fmt.Sprint(k.Offered), fmt.Sprint(k.Refused), fmt.Sprint(k.Lost), fmt.Sprint(k.Betrayed), fmt.Sprintf("%.1f", k.Seconds))
	}
}

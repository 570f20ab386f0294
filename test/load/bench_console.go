package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// pageBound is what 95 of 100 answers of every page must stay below.
const pageBound = 200 * time.Millisecond

// consoleBench is how long the pages of the web console take.
type consoleBench struct {
	queryBench
	runs int
}

func benchConsoleCommand(out io.Writer) *cobra.Command {
	b := consoleBench{queryBench: queryBench{screen: out, progress: newProgress(out)}}
	cmd := &cobra.Command{
		Use:   "bench-console",
		Short: "Measure the pages of the web console",
		Long: `Starts a PostgreSQL of its own with generated records, as bench-queries does (and
with its --dir, so that they are generated once), and cmd/api as a process of its
own. Each page is asked for as often as --runs says, with other values each time.

Exit code 0: 95 of 100 answers of every page took less than 200 ms. 1: not so, or a
page that must show something was empty. The figures are written in any case.`,
		Example: "  go run ./test/load bench-console --rows 10000000 --dir out/bench",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	b.flags(cmd, 1_000_000)
	flags := cmd.Flags()
	flags.StringVar(&b.dir, "dir", "", "directory for the data, as that of bench-queries (default: a temporary one)")
	flags.IntVar(&b.runs, "runs", 100, "how often each page is asked for")
	flags.StringVar(&b.out, "out", "out/console.json", "file for the figures, as JSON")
	return cmd
}

func (b *consoleBench) run(ctx context.Context) (err error) {
	if b.runs < 20 {
		return errors.New("--runs: want at least 20")
	}
	d, err := b.dataset()
	if err != nil {
		return err
	}
	w, err := world.Start(ctx, world.Options{Dir: b.dir, PostgreSQL: true, PostgresSettings: slices.Concat(serverSettings, lessLog)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	if d, err = b.prepare(ctx, w.Postgres.URL, d); err != nil {
		return err
	}
	if age := time.Since(d.until); age > 12*time.Hour { // pages show what ends now
		return fmt.Errorf("the records end %s ago: generate them anew, in another --dir", age.Round(time.Hour))
	}
	api, err := startConsole(ctx, w.Postgres.URL)
	if err != nil {
		return err
	}
	defer api.stop()
	figures, err := b.measurePages(ctx, api, newSamples(d))
	if err != nil {
		return err
	}
	figures.Rows = d.rows
	if err := tool.WriteFigures(b.out, figures); err != nil {
		return err
	}
	return figures.missed()
}

// webPage is one page of the console: its address for a sample, and what it shows
// where there is anything.
type webPage struct{ name, shows string }

// pagesOf are the addresses of all pages for one sample.
func pagesOf(v sample) map[webPage]string {
	search := func(pairs ...string) string {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return "/?" + q.Encode()
	}
	return map[webPage]string{
		{"search", `href="/executions/`}:           "/",
		{"search_namespace", "<table"}:             search("namespace", v.TargetNamespace, "period", "30d"),
		{"search_namespaces", "<table"}:            search("namespace", v.namespacePattern()),
		{"search_action_failed", "</html>"}:        search("action", v.ActionType, "outcome", "failed"),
		{"search_workflow", `href="/executions/`}:  search("workflow", v.WorkflowRef),
		{"search_execution", `href="/executions/`}: search("execution", v.ExecutionID),
		{"search_slow", "<table"}:                  search("min_duration", "5m"),
		{"search_all_time", `rel="next"`}:          search("period", "all", "order", "oldest"),
		{"story", v.RecordSHA256}:                  "/executions/" + v.ID,
		{"trends", "<rect"}:                        "/trends",
		{"trends_24h", "<rect"}:                    "/trends?period=24h",
		{"timeline", "<rect"}:                      "/timeline",
		{"status", "Last record"}:                  "/status",
	}
}

// consoleFigures is out/console.json.
type consoleFigures struct {
	Rows  int                   `json:"rows"`
	Pages map[string]pageFigure `json:"pages"`
}

// pageFigure tells of a page: First is the answer that found nothing remembered.
type pageFigure struct {
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	First float64 `json:"first_ms"`
	Bytes int     `json:"bytes"`
}

func (f consoleFigures) missed() error {
	var names []string
	for name, page := range f.Pages {
		if page.P95 >= milliseconds(pageBound) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("not within %s: %s", pageBound, strings.Join(names, ", "))
}

// measurePages asks for all pages in turn, so that none profits from the one before.
func (b *consoleBench) measurePages(ctx context.Context, api *consoleProcess, values *samples) (f consoleFigures, err error) {
	took, sizes := map[string][]time.Duration{}, map[string]int{}
	for i := range b.runs {
		for page, address := range pagesOf(values.draw(i)) {
			began := time.Now()
			text, err := api.get(ctx, address)
			if err != nil {
				return f, fmt.Errorf("page %s: %w", page.name, err)
			}
			took[page.name] = append(took[page.name], time.Since(began))
			if !strings.Contains(text, page.shows) {
				return f, fmt.Errorf("page %s (%s) shows nothing", page.name, address)
			}
			sizes[page.name] = max(sizes[page.name], len(text))
		}
	}
	f.Pages = map[string]pageFigure{}
	names := make([]string, 0, len(took))
	for name := range took {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := took[name]
		p := pageFigure{First: milliseconds(all[0]), Bytes: sizes[name]}
		p.P50, p.P95 = milliseconds(percentile(all, 50)), milliseconds(percentile(all, 95))
		f.Pages[name] = p
		say(b.screen, "  %-22s p50 %7.1f  p95 %7.1f  first %7.1f ms  %7d bytes", name, p.P50, p.P95, p.First, p.Bytes)
	}
	return f, nil
}

// get wants a page that is whole.
func (p *consoleProcess) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", path, res.StatusCode)
	}
	return string(text), err
}

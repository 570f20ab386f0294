// Command redact measures audit/redact: how much of what is secret it removes,
// how much of the rest it leaves alone, and how fast.
//
//	go run ./test/redact score FILE             figures of a labelled corpus, as JSON
//	go run ./test/redact bench [-corpus FILE]   the same and the speed, into out/redact.json
//	go run ./test/redact corpus                 the corpus that bench makes for itself
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/score"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "redact:", err)
		os.Exit(1)
	}
}

func run(args []string, out, progress io.Writer) error {
	if len(args) == 0 {
		return errors.New("say what to do: score FILE, bench or corpus")
	}
	switch command, rest := args[0], args[1:]; {
	case command == "score" && len(rest) == 1:
		report, err := scoreFile(rest[0])
		if err != nil {
			return err
		}
		return writeJSON(out, report)
	case command == "bench":
		return bench(rest, progress)
	case command == "corpus" && len(rest) == 0:
		return writeCorpus(out)
	}
	return fmt.Errorf("what is %q? Known are: score FILE, bench [-corpus FILE] [-o FILE], corpus", args)
}

func scoreFile(name string) (score.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return score.Report{}, fmt.Errorf("open the corpus: %w", err)
	}
	defer f.Close()
	return score.Score(f, redact.New())
}

// result is what out/redact.json holds.
type result struct {
	Policy string       `json:"policy"`
	Corpus score.Report `json:"corpus"`
	Speed  speed        `json:"speed"`
}

func bench(args []string, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	corpus := flags.String("corpus", "", "labelled texts, JSON lines, gzip or not; without it a corpus of our own")
	output := flags.String("o", filepath.Join("out", "redact.json"), "where the figures go")
	if err := flags.Parse(args); err != nil {
		return err
	}
	report, err := scoreCorpus(*corpus)
	if err != nil {
		return err
	}
	figures := result{Policy: redact.New().Version(), Corpus: report, Speed: measure(redact.New(), progress)}
	if err := os.MkdirAll(filepath.Dir(*output), 0o755); err != nil {
		return fmt.Errorf("make a place for the figures: %w", err)
	}
	f, err := os.Create(*output)
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	summary(progress, figures)
	return errors.Join(writeJSON(f, figures), f.Close())
}

func scoreCorpus(name string) (score.Report, error) {
	if name != "" {
		return scoreFile(name)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeCorpus(w)) }()
	return score.Score(r, redact.New())
}

func summary(w io.Writer, figures result) {
	c, s := figures.Corpus, figures.Speed
	fmt.Fprintf(w, "secrets removed %d of %d (%.3f); touched %d of %d that must not be (%.3f); %.4f of the clean bytes\n",
		c.Removed, c.Secrets, c.Share, c.Touched, c.MustNotTouch, c.TouchedShare, c.CleanShare)
	fmt.Fprintf(w, "logs %.1f MB/s (Go's regexp %.1f), YAML %.1f MB/s (%.1f), a record of 1.5 MB %.0f ms\n",
		s.LogsMBs, s.RegexpLogsMBs, s.YAMLMBs, s.RegexpYAMLMBs, s.RecordMs)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

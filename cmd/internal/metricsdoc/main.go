// Command metricsdoc writes docs/metrics.md: every metric that the programs
// register, with what the code itself says of it. It registers them as the
// programs do, and needs none of their servers.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "metricsdoc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer) error {
	programs, err := all(ctx)
	if err != nil {
		return err
	}
	families, err := merge(programs)
	if err != nil {
		return err
	}
	return write(w, families)
}

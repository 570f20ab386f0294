package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
)

// archivedOnce is what a process that archived the period has to say.
type archivedOnce struct {
	Rows     int64          `json:"rows"`
	Seconds  float64        `json:"seconds"`
	PeakRSS  float64        `json:"peak_rss_mib"` // of the whole process
	Archived audit.Archived `json:"archived"`
}

// Where a process that only archives finds its work: not in flags, for the URL of
// a database is none for everybody to read.
const (
	childDatabase = "AUDITFLOW_BENCH_DATABASE_URL"
	childBucket   = "AUDITFLOW_BENCH_BUCKET"
)

// archiveInChild archives the period in a process of its own, whose memory is that
// of archiving and of nothing else.
func (s *speedBench) archiveInChild(ctx context.Context) (once archivedOnce, err error) {
	self, err := os.Executable()
	if err != nil {
		return once, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "archive-period")
	cmd.Env = append(os.Environ(), childDatabase+"="+s.database.admin, childBucket+"="+s.bucket)
	var told, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &complaint
	if err := cmd.Run(); err != nil {
		return once, fmt.Errorf("%w: %s", err, complaint.String())
	}
	return once, json.Unmarshal(told.Bytes(), &once)
}

// archiveCommand is the other side of archiveInChild.
func archiveCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "archive-period", Hidden: true, Args: cobra.NoArgs,
		Short: "Archive the period of the benchmark, once",
		RunE: func(cmd *cobra.Command, _ []string) error {
			once, err := archiveOnce(cmd.Context(), benchDatabase{os.Getenv(childDatabase)}, os.Getenv(childBucket))
			if err != nil {
				return err
			}
			return json.NewEncoder(out).Encode(once)
		},
	}
}

// archiveOnce does what the workflow does for a period: export, write, read back,
// publish. The time begins when everything is open.
func archiveOnce(ctx context.Context, d benchDatabase, bucket string) (once archivedOnce, err error) {
	k, err := openKeeper(ctx, d, bucket)
	if err != nil {
		return once, err
	}
	defer k.close()
	p := activities.Period{Partition: speedPartition, Start: speedPeriod.Start, End: speedPeriod.End}
	began := time.Now()
	exported, err := k.steps.ExportPeriod(ctx, p)
	if err != nil {
		return once, err
	}
	published, err := k.steps.PublishManifest(ctx, activities.Publication{Period: p, Exported: exported, Now: time.Now()})
	if err != nil {
		return once, err
	}
	once.Rows, once.Seconds = published.Rows, time.Since(began).Seconds()
	there, err := k.archive.Manifests(ctx, p.Name())
	if err != nil {
		return once, err
	}
	if len(there) != 1 {
		return once, errors.New("the period has other manifests than the one that was published")
	}
	once.Archived = there[0]
	once.PeakRSS = peakMemory()
	return once, nil
}

// peakMemory is the most that this process ever had in memory, in MiB; 0 where
// there is no /proc.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0
	}
	var kib float64
	_, _ = fmt.Sscan(after, &kib)
	return math.Round(kib/1024*10) / 10
}

//go:build browser

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

func TestTheConsoleInABrowser(t *testing.T) {
	b := newBrowser(t, goodToken)
	id := b.live(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), "node", filepath.Join(root, "bin/browser/console.mjs"))
	program.Env = append(os.Environ(), "CONSOLE_URL="+b.url, "CONSOLE_TOKEN="+goodToken, "CONSOLE_ID="+id,
		"CONSOLE_OUT="+filepath.Join(root, "out/console"), "CHROMIUM="+chromium(t))
	said, err := program.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
}

func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium in PATH: name one in the environment, CHROMIUM")
	return ""
}

// live fills the database as a week would have left it, with one execution whose whole
// story is known.
func (b *browser) live(t *testing.T) (id string) {
	t.Helper()
	actions := []string{"restart", "scale-deployment", "rollback", "drain-node", "rotate-certificate", "expand-volume"}
	namespaces := []string{"shop", "shop", "billing", "prod-eu-payments", "platform"}
	begin := time.Now().UTC().Add(-7*24*time.Hour + time.Hour).Truncate(time.Second)
	var records []audit.Record
	for i := range 900 {
		took := time.Duration(2+(i*i)%(40*(1+i%6))) * time.Second
		at := begin.Add(time.Duration(i)*11*time.Minute - time.Duration(i%7)*time.Minute)
		r := audit.Record{
			ID: audit.ID("prod", fmt.Sprint(t.Name(), i)), ExecutionID: fmt.Sprintf("%s-%s-%d", actions[i%6], namespaces[i%5], i), WorkflowRef: fmt.Sprintf("remediate-%d", i/3), StepIndex: int32(i % 3),
			ActionType: actions[i%6], TargetNamespace: namespaces[i%5], TargetResourceKind: "Deployment", TargetResourceName: "cart", Success: i%17 != 0 && i%31 != 0,
			RetryCount: int32(i % 9 / 7), MaxRetries: 3, Duration: &took, StartTime: at, EndTime: at.Add(took), CreatedAt: at, CompletedAt: at.Add(took),
			Phase: "Completed", Cluster: "prod", Source: "KubernetesExecution", DeliveredBy: fmt.Sprint("audit/KubernetesExecution/", i),
		}
		r.RecordSHA256 = r.Digest()
		records = append(records, r)
	}
	if _, err := b.store.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	b.past(t)
	return b.record(t).ID
}

// past adds partitions, an archive, holds and a retention.
func (b *browser) past(t *testing.T) {
	t.Helper()
	now := time.Now().UTC()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for month := -9; month <= 3; month++ {
		p := audit.PeriodOf(audit.Monthly, time.Date(now.Year(), now.Month()+time.Month(month), 1, 0, 0, 0, 0, time.UTC))
		if month > -5 {
			_, err := b.store.EnsurePeriod(t.Context(), p)
			must(err)
		}
		if month > -3 {
			continue
		}
		a := audit.Archived{Manifest: audit.Manifest{
			Format: audit.ManifestFormat, Table: "kubernetes_execution_audit", Period: p.Suffix(), Start: p.Start, End: p.End, Number: 1,
			Rows: 812345, Bytes: 208 << 20, ArchivedAt: p.End.AddDate(0, 0, 91),
		}, SHA256: fmt.Sprintf("%064x", 1000+month), Object: "audit/" + p.Suffix() + "/1.json"}
		must(b.store.NoteArchived(t.Context(), a))
		if month < -3 {
			must(b.store.NoteVerified(t.Context(), p.Suffix(), now.AddDate(0, 0, -3)))
		}
	}
	_, err := b.store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldPeriod, Start: now.AddDate(0, -7, 0), End: now.AddDate(0, -6, 0), Reason: "incident 4711", PlacedBy: "counsel"})
	must(err)
	_, err = b.store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldNamespace, Value: "shop", Reason: "case 42", PlacedBy: "counsel"})
	must(err)
	must(b.store.ConfirmRetention(t.Context(), audit.Retention{Mode: audit.RetainPartitions, Live: 120 * 24 * time.Hour, ConfirmedBy: "operator"}))
}

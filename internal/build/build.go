// Package build tells what a program was built from: its version, the commit and
// the day of that, and the release of Go.
package build

import (
	"cmp"
	"runtime/debug"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Unknown is what [Info] says of what nobody told the program when it was built.
const Unknown = "unknown"

// What somebody says who builds where there is no git, with -ldflags "-X …". Each
// outranks what the go command has noted. Nothing else writes them.
var version, commit, date string

// Info is what a program was built from.
type Info struct {
	Version string // as v1.4.0, or Go's pseudo-version between releases; never empty
	Commit  string // its full hash, or Unknown; with "-dirty" where files differed from it
	Date    string // of the commit, RFC 3339 in UTC, or Unknown
	Go      string // as go1.26.0
}

// Read tells of this program.
func Read() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return of(info, Info{Version: version, Commit: commit, Date: date})
}

// of puts what was told before what the go command noted.
func of(info *debug.BuildInfo, told Info) Info {
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	if dirty, err := strconv.ParseBool(noted["vcs.modified"]); err == nil && dirty {
		noted["vcs.revision"] += "-dirty"
	}
	return Info{
		Version: cmp.Or(told.Version, info.Main.Version, Unknown),
		Commit:  cmp.Or(told.Commit, noted["vcs.revision"], Unknown),
		Date:    cmp.Or(told.Date, noted["vcs.time"], Unknown),
		Go:      cmp.Or(info.GoVersion, Unknown),
	}
}

// String is one line for people, without the program's name.
func (i Info) String() string {
	return i.Version + " (commit " + i.Commit + ", of " + i.Date + ", built with " + i.Go + ")"
}

// Metric shows what was built as labels of a metric that is always 1.
func Metric(r prometheus.Registerer) {
	i := Read()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "auditflow_build_info", Help: "Always 1; the labels tell what the program was built from",
	}, []string{"version", "commit", "goversion"})
	info.WithLabelValues(i.Version, i.Commit, i.Go).Set(1)
	r.MustRegister(info)
}

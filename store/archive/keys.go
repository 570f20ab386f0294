package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

const periodDirectory = auditTable + "/period="

func directoryOf(period string) string { return periodDirectory + period + "/" }

func segmentKey(period string, number int, sum string) string {
	return fmt.Sprintf("%spart-%05d-%s.parquet", directoryOf(period), number, sum[:16])
}

func manifestKey(period string, number int) string {
	return fmt.Sprintf("%smanifest-%05d.json", directoryOf(period), number)
}

//nolint:gochecknoglobals // constants that take a call to write
var (
	manifestName = regexp.MustCompile(`^manifest-([0-9]{5,9})\.json$`)
	segmentName  = regexp.MustCompile(`^part-[0-9]{5,9}-([0-9a-f]{16})\.parquet$`)
)

// manifestNumber is the number in the key of a manifest.
func manifestNumber(key string) (number int, is bool) {
	match := manifestName.FindStringSubmatch(key[strings.LastIndexByte(key, '/')+1:])
	if match == nil {
		return 0, false
	}
	number, err := strconv.Atoi(match[1])
	return number, err == nil && number > 0
}

// parsePeriod reads the name of a period, see [audit.Period.Suffix].
func parsePeriod(name string) (audit.Period, error) {
	const day = "2006_01_02"
	var p audit.Period
	var err error
	switch from, to, piece := strings.Cut(name, "_to_"); {
	case piece:
		var start, end time.Time
		start, err = time.Parse(day, from)
		end, err2 := time.Parse(day, to)
		p, err = audit.PeriodBetween(start, end), errors.Join(err, err2)
	case strings.HasPrefix(name, "w"):
		p, err = parseInterval(audit.Weekly, day, name[1:])
	case len(name) > len("2006_01"):
		p, err = parseInterval(audit.Daily, day, name)
	default:
		p, err = parseInterval(audit.Monthly, "2006_01", name)
	}
	if err != nil || p.Suffix() != name || !p.Start.Before(p.End) {
		return audit.Period{}, fmt.Errorf("%q is no name of a period", name)
	}
	return p, nil
}

func parseInterval(i audit.Interval, layout, name string) (audit.Period, error) {
	at, err := time.Parse(layout, name)
	return audit.PeriodOf(i, at), err
}

// Periods lists the periods of which there is anything in the archive, by their
// start.
func (a *Archive) Periods(ctx context.Context) ([]audit.Period, error) {
	periods, err := a.periods(ctx)
	return slices.DeleteFunc(periods, func(p audit.Period) bool { return a.bucket.empty(directoryOf(p.Suffix())) }), err
}

// periods may have some of which there is nothing.
func (a *Archive) periods(ctx context.Context) ([]audit.Period, error) {
	names, err := a.bucket.directories(ctx, periodDirectory)
	if err != nil {
		return nil, err
	}
	var periods []audit.Period
	for _, name := range names {
		if p, err := parsePeriod(name); err == nil { // what is not ours is left alone
			periods = append(periods, p)
		}
	}
	slices.SortFunc(periods, func(a, b audit.Period) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return a.End.Compare(b.End)
	})
	return periods, nil
}

// place of a key in the trail, as an entry without a digest.
func placeOf(k audit.Key) (e audit.Entry, err error) {
	e.At = k.CreatedAt.UnixMicro()
	id, err := hex.DecodeString(strings.ReplaceAll(k.ID, "-", ""))
	if err != nil || len(k.ID) != 36 || len(id) != len(e.ID) {
		return e, fmt.Errorf("%q is no UUID", k.ID)
	}
	copy(e.ID[:], id)
	return e, nil
}

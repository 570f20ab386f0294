package workflows

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
)

// labels are those of all records of one workflow.
type labels []label

// attributes tell what all records have in common, and of each its short id.
func (all labels) attributes() temporal.SearchAttributes {
	common, ids, last := all[0], make([]string, len(all)), all[0].created
	for i, l := range all {
		ids[i] = ShortID(l.rowID)
		if l.created.Before(common.created) {
			common.created = l.created
		}
		if l.created.After(last) {
			last = l.created
		}
		common.action, common.namespace = agreed(common.action, l.action), agreed(common.namespace, l.namespace)
		common.phase, common.execution = agreed(common.phase, l.phase), agreed(common.execution, l.execution)
		common.cluster = agreed(common.cluster, l.cluster)
	}
	set := append(common.updates(), AttributeRecords.ValueSet(ids))
	if !slices.ContainsFunc(all, func(l label) bool { return l.success != common.success }) {
		set = append(set, AttributeSuccess.ValueSet(common.success))
	}
	if len(all) > 1 {
		set = append(set, AttributeCreatedLast.ValueSet(last.UTC()))
	}
	return temporal.NewSearchAttributes(set...)
}

func agreed(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

// summary is one line: how many, and of which actions, the most frequent first.
func (all labels) summary() string {
	if len(all) == 1 {
		return all[0].summary()
	}
	counts := map[string]int{}
	for _, l := range all {
		counts[l.action]++
	}
	actions := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	parts := make([]string, len(actions))
	for i, action := range actions {
		parts[i] = fmt.Sprintf("%s %d", action, counts[action])
	}
	return cut(fmt.Sprintf("%d records: %s", len(all), strings.Join(parts, ", ")), maxSummary)
}

// details is a line per record, as far as they go.
func (all labels) details() string {
	if len(all) == 1 {
		return all[0].details()
	}
	var lines []string
	length := 0
	for i, l := range all {
		line := fmt.Sprintf("- `%s` `%s/%s` · %s · %s\n", ShortID(l.rowID),
			cut(l.executionNamespace, maxName), cut(l.execution, maxName), cut(l.action, maxName), cut(l.phase, maxName))
		if length += len(line); length > maxBatchDetails {
			lines = append(lines, fmt.Sprintf("- and %d more\n", len(all)-i))
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

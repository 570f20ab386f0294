package archive

import "github.com/parquet-go/parquet-go"

// fileFormat is the format of the files this release writes, in their key-value
// metadata as auditflow.format. Readers refuse what they do not know.
const fileFormat = "1"

// createdBy names no build: the bytes of a file depend on nothing but its rows
// and the format.
const createdBy = "auditflow archive format " + fileFormat

// auditTable is the table whose rows are archived.
const auditTable = "kubernetes_execution_audit"

// The names of the key-value metadata.
const (
	keyFormat   = "auditflow.format"
	keyTable    = "auditflow.table"
	keyPeriod   = "auditflow.period"
	keyDuration = "auditflow.duration" // unit of the column duration, which Parquet has no type for
)

// The columns that prove a row.
const (
	columnID        = "id"
	columnCreatedAt = "created_at"
	columnDigest    = "record_sha256"
	columnPolicy    = "policy"
)

// inOrder is a group whose fields stand in the order of columns; those of
// [parquet.Group] are sorted by name.
type inOrder struct {
	parquet.Group
	fields []parquet.Field
}

func (g inOrder) Fields() []parquet.Field { return g.fields }

//nolint:gochecknoglobals // constants that take calls to write
var (
	compression = &codec{}
	schema      = newSchema()
	unbounded   = func() (paths [][]string) {
		for _, c := range columns {
			if c.unbounded {
				paths = append(paths, []string{c.name})
			}
		}
		return paths
	}()
)

func newSchema() *parquet.Schema {
	group := parquet.Group{}
	for _, c := range columns {
		group[c.name] = c.node
	}
	byName := map[string]parquet.Field{}
	for _, f := range group.Fields() {
		byName[f.Name()] = f
	}
	ordered := inOrder{Group: group}
	for _, c := range columns {
		ordered.fields = append(ordered.fields, byName[c.name])
	}
	return parquet.NewSchema(auditTable, ordered)
}

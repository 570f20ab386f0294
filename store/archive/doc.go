// Package archive keeps audit records in Parquet files on any bucket: a
// directory, S3, Google Cloud Storage or Azure Blob Storage. Nothing that is in
// it is ever changed, and nothing is believed that was not read back.
//
//	a, err := archive.Open(ctx, archive.Config{URL: "s3://audit?region=eu-central-1"})
//	if err != nil { ... }
//	defer a.Close()
//	segments, err := a.Write(ctx, period, rows, nil, report)
//	published, err := a.Publish(ctx, audit.Manifest{Period: period.Suffix(), …, Segments: segments})
//
// # Objects
//
//	<prefix>/kubernetes_execution_audit/period=2025_01/part-00001-<16 digits of its SHA-256>.parquet
//	<prefix>/kubernetes_execution_audit/period=2025_01/manifest-00001.json
//
// Each object is written once, whole or not at all, under a name that was not
// taken. A segment is named after its bytes, and its bytes depend only on its
// rows, so a run that is repeated finds its own. What no manifest names is not
// archived. The manifests of a period are numbered, and each holds the digest of
// its predecessor; of two runs at once only one can write the next.
//
// # Trust
//
// A row is reported as archived once it was read back from the bucket and its
// content was found to have the digest (record_sha256) that it was put in with.
// Whoever reads rows gets none of a file before its SHA-256 is that of its
// manifest. That manifests at the end of the chain were taken away, or were
// exchanged together with all that follows, shows only beside another memory of
// them: [Archive.Verify] is given the catalogue's.
//
// # The files
//
// Their columns are those of the table kubernetes_execution_audit, by name: id as
// UUID, times in microseconds UTC, duration in microseconds, jsonb as JSON. Any
// reader of Parquet can query them; DuckDB does with
//
//	SELECT * FROM 'kubernetes_execution_audit/*/*.parquet'
package archive

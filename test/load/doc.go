// Command load fills the audit table with millions of records as years of use
// would leave them, and measures how fast it is written and read.
//
//	go run ./test/load generate --rows 1000000 --days 90 --seed 1 --database-url …
//	go run ./test/load bench
//	go run ./test/load bench-queries --rows 1000000
//	go run ./test/load bench-append
//	go run ./test/load bench-http
//	go run ./test/load bench-backlog
//
// The benchmarks start a PostgreSQL of their own (see package world) and need
// nothing but "make tools". docs/performance.md says how to read what they
// write.
//
// How to read it: dataset.go says what a data set is, author*.go write its
// records, shape*.go hold what is skewed and how, rhythm.go when it happens;
// fill.go, copy.go and indexes.go bring it into a database, flat.go makes the
// same rows once more without partitions; queries*.go list what is asked,
// measure.go asks; append*.go are the writers that are compared, cpu.go what
// they cost; find.go reads a million rows through auditctl; backlog*.go deliver
// executions that have piled up, in batches and one by one; bench_http.go posts
// to the HTTP door, see package fire; bench.go compares what one record costs,
// see package price, with the processes in price_writers.go, price_seed.go and
// the module in peers.
package main

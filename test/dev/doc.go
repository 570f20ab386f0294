// Command dev shows auditflow alive, on real servers (see package world) and
// with the real controller, worker and API.
//
//	go run ./test/dev demo   runs executions of many kinds, audits the auditor, ends
//	go run ./test/dev dev    the same world, left running until Ctrl-C
//
// The demonstration keeps books of its own: what its executor saw complete, and
// what a watch on the API server saw. It compares them with the rows by SQL of
// its own, and looks for every secret it planted in everything that lies on
// disk. Nothing it concludes comes from the product.
//
// How to read it: cases*.go say what is run and what must be recorded, run.go
// runs it, watch.go and rows.go fill the two sides of the books, books.go
// compares them, secrets.go plants, leak.go searches, table.go and report.go
// tell.
package main

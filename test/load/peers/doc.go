// Command peers delivers audit records in ways that one would pick instead of
// ours, for the benchmark in test/load to compare: with River, a job queue in
// PostgreSQL, here.
//
// It is a module of its own, so that the product needs none of what it needs. It
// takes orders as all processes of the benchmark do, see package turn.
package main

// Command faults proves the contract under the faults of docs/reliability.md: it
// raises real servers and the product as processes, loads them, does the harm, heals
// it, and has a judge of its own (package judge) compare what should be there with
// what is.
//
// How to read it: trial.go says what a fault is, faults_*.go have them by family,
// load*.go what goes on meanwhile, run.go the order of things, settle.go and leaks.go
// how it is judged, blows.go what can be done to whom.
package main

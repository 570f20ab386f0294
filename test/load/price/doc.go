// Package price measures what one record costs: beside a workflow that does
// nothing, beside other ways of delivering it, and as the load grows.
//
// Whoever works is a process of its own, and so is every server: the starter,
// the worker, Temporal, its PostgreSQL and that of the audit trail. What is
// compared takes turns, in rounds, in one world; each turn is measured in the
// same way (measure.go), whatever it does.
//
// How to read it: world.go starts the servers, contenders.go lists what is
// compared, measure.go measures one turn and round.go all of them; starter.go,
// batched.go and embedded.go are what the processes do; bench.go says in which
// parts, of which peers.go, lag.go, growth.go and kills.go have one each;
// figures.go is out/bench.json, markdown.go and plot.go show it.
package price

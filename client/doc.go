// Package client is the door for Go programs: it hands records over to Temporal,
// from where auditflow's workers redact and persist them.
//
//	audits, err := client.New(client.Config{Temporal: temporal, KeysetFile: "keyset.json", Cluster: "prod-eu-1"})
//	delivery, err := audits.Deliver(ctx, record) // Temporal has it durably
//	row, err := delivery.Wait(ctx)               // its row is committed
//
// The record is sealed before it leaves the process, and what Temporal shows in
// clear passes the redactor first. Delivering the same execution again, also from
// another process, is harmless: it joins the delivery there is, or finds its row.
//
// Programs depend on [Deliverer], which package clienttest implements in memory
// for their tests.
package client

// Night proves that alerts tell of faults and that the runbook cures them: each
// fault is injected into real processes, its alert fires in a real Prometheus, the
// runbook's cure is applied, and the alert goes.
//
//	go run ./test/night                        all of them, into out/night.json
//	go run ./test/night --only AuditConflict   one
//
// The rules are those of deploy/alerts.yaml; only time passes faster in them, see
// [timescale].
package main

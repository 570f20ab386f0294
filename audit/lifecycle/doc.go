// Package lifecycle decides what becomes of the trail as time passes: which
// partitions must be there before they are needed, which move to slower disks,
// which are archived, and what may be deleted. It is handed the time and what
// there is, and answers with what is to be done and why, in a sentence that an
// operator can act on. It does nothing itself and asks nobody, so that a plan
// can be shown, tested and simulated over years without a server.
package lifecycle

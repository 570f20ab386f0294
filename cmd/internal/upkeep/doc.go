// Package upkeep reads the section maintenance of a configuration file: what the
// worker does to the trail as time passes, and what auditctl shows, plans and
// does by hand. Both read one file, so that they never mean different things.
package upkeep

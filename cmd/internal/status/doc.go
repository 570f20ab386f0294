// Package status finds out how things stand: what was persisted of late, what is
// still on its way, how far ahead there are partitions, what the schedules did.
//
// Every part is read by itself and within a time of its own, so that one that
// cannot be read says so and takes nothing away from the others: whoever asks how
// things stand asks because something is wrong.
package status

// Package doctor examines all that auditflow needs to work, and says for every
// fault what to do about it.
//
// It changes nothing, unless it is asked to try writing to the bucket. What cannot
// be examined, because something else is at fault or nobody said where it is, is
// told as not checked and never as good.
package doctor

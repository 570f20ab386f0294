// Package seal puts records into envelopes and takes them out again.
//
// Temporal stores the input and the result of everything it runs, for days and
// in clear. So records never travel through it as letters: a door seals them,
// the workflow passes the envelope on undecoded, and only activities open it.
//
// An envelope is
//
//	1 byte   format version, see [Version]
//	rest     AEAD ciphertext with key id (Tink wire format, prefix TINK) over
//	         zstd over the JSON array of the records
//
// Its associated data binds it to one workflow and to one [Stage]: an envelope
// moved to another workflow, or the observed one handed to Persist in place of
// the redacted one, does not open.
package seal

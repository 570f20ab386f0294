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
//
// The keys live in a Tink keyset in a file, in clear or encrypted by a KMS. A
// [Sealer] follows that file: a key that is added to it is used without a
// restart. A [Keyset] is what an operator changes with a command line; a
// [Tokens] holds the key of another keyset, which names secrets without telling
// them. docs/keys.md says in which order keys are changed.
package seal

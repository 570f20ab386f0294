package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"

	"github.com/auditflow/auditflow/audit"
)

// Version is the first byte of every envelope this package writes, and the
// only one it opens. A change that an older reader would misread, such as a
// field added to [audit.Record] that it would drop, needs the next number.
const Version = 1

// MaxUnpacked bounds the JSON in one envelope, in bytes, on both ways: what
// could not be opened again is not sealed.
const MaxUnpacked = 64 << 20

// Stage tells what has been done to the records in an envelope.
type Stage string

// Observed records are as a door saw them and may hold secrets; Redacted ones
// may be kept.
const (
	Observed Stage = "observed"
	Redacted Stage = "redacted"
)

var (
	// ErrUnknownKey says that the keyset has no enabled key with the envelope's key id.
	// Once the operator has added it, the same envelope opens: retrying helps.
	ErrUnknownKey = errors.New("no key in the keyset has the envelope's key id")
	// ErrEnvelope says that the envelope is damaged, of another workflow, stage or
	// version, or too large. Retrying never helps.
	ErrEnvelope = errors.New("envelope is damaged or not meant for this workflow, stage or version")
)

// windowBytes is how far back compression looks, and what each processor's
// encoder keeps in memory twice for as long as the process lives: the default
// would be 8 MiB, for records of which few reach one.
const windowBytes = 1 << 20

// Sealer seals with the primary key of one keyset and opens with every enabled
// one, as its file has them now. It is safe for concurrent use. One with
// [Config.Report] watches its file until it is closed; another holds nothing
// that needs closing.
type Sealer struct {
	keys *follower
	enc  *zstd.Encoder // only EncodeAll and DecodeAll, which are stateless
	dec  *zstd.Decoder
}

// Load is [New] for a keyset file in clear.
func Load(path string) (*Sealer, error) { return New(Config{File: path}) }

// New reads the keyset and follows its file from then on: see [Config]. A file
// that is missing or broken later leaves the keys as they are. Close it when
// the reports are no longer wanted.
func New(cfg Config) (*Sealer, error) {
	keys, err := follow(cfg)
	if err != nil {
		return nil, err
	}
	// The next level takes half as long again, for records that become 3 % smaller alone and not at all in batches.
	enc, err := zstd.NewWriter(nil, zstd.WithWindowSize(windowBytes), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	keys.start() // last: nothing fails any more and leaves it behind
	return &Sealer{keys: keys, enc: enc, dec: dec}, nil
}

// Close ends the watch over the file, having waited for the look that is under
// way. The Sealer still seals and opens, and looks at the file while it does.
// Closing twice is harmless.
func (s *Sealer) Close() { s.keys.close() }

// Keys lists the keys in use, oldest first.
func (s *Sealer) Keys() []KeyInfo { return slices.Clone(s.keys.ring.Load().info) }

// Seal packs records, in order, into one envelope for this stage of this
// workflow. Sealing the same records twice gives different bytes: every
// envelope has a nonce of its own. Errors never hold content.
func (s *Sealer) Seal(records []audit.Record, stage Stage, workflowID string) ([]byte, error) {
	bound, err := associated(stage, workflowID)
	if err != nil {
		return nil, fmt.Errorf("seal envelope: %w", err)
	}
	letter, err := encode(records)
	if err != nil {
		return nil, fmt.Errorf("seal envelope: %w", err)
	}
	sealed, err := s.keys.current().aead.Encrypt(s.enc.EncodeAll(letter, nil), bound)
	if err != nil {
		return nil, errors.New("seal envelope: the keyset's primary key refuses to encrypt")
	}
	return append([]byte{Version}, sealed...), nil
}

// Open returns the records of an envelope that was sealed for this stage of
// this workflow. It fails with [ErrUnknownKey] or [ErrEnvelope] and nothing
// else, the same way every time.
func (s *Sealer) Open(envelope []byte, stage Stage, workflowID string) ([]audit.Record, error) {
	bound, err := associated(stage, workflowID)
	if err != nil {
		return nil, fmt.Errorf("open envelope: %w", err)
	}
	if len(envelope) == 0 || envelope[0] != Version {
		return nil, fmt.Errorf("open envelope: format version is not %d: %w", Version, ErrEnvelope)
	}
	id, ok := keyID(envelope[1:])
	if !ok {
		return nil, fmt.Errorf("open envelope: no key id: %w", ErrEnvelope)
	}
	keys := s.keys.current()
	if !keys.keys[id] {
		keys = s.keys.newest() // the key may have been added a moment ago
	}
	if !keys.keys[id] {
		return nil, fmt.Errorf("open envelope: key id %d: %w", id, ErrUnknownKey)
	}
	packed, err := keys.aead.Decrypt(envelope[1:], bound)
	if err != nil {
		return nil, fmt.Errorf("open envelope: cannot authenticate: %w", ErrEnvelope)
	}
	letter, err := s.dec.DecodeAll(packed, nil)
	if err != nil || len(letter) > MaxUnpacked {
		return nil, fmt.Errorf("open envelope: cannot unpack into %d bytes: %w", MaxUnpacked, ErrEnvelope)
	}
	records, err := audit.UnmarshalRecords(letter)
	if err != nil {
		return nil, fmt.Errorf("open envelope: does not hold records: %w", ErrEnvelope)
	}
	return records, nil
}

// keyID reads the id from Tink's wire format: 0x01 (or 0x00 for the prefix
// CRUNCHY) and the id, big endian (https://developers.google.com/tink/wire-format).
func keyID(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < cryptofmt.NonRawPrefixSize || ciphertext[0] > cryptofmt.TinkStartByte {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:cryptofmt.NonRawPrefixSize]), true
}

// associated is the data that an envelope's authenticity covers besides its
// content. An observed envelope is bound to exactly the workflow id, so that
// any Tink tool can open it; a redacted one to the id behind a byte that no
// valid id holds, so that the two never meet.
func associated(stage Stage, workflowID string) ([]byte, error) {
	if workflowID == "" || !utf8.ValidString(workflowID) {
		return nil, fmt.Errorf("workflow id is empty or not UTF-8: %w", ErrEnvelope)
	}
	switch stage {
	case Observed:
		return []byte(workflowID), nil
	case Redacted:
		return append([]byte{0xff}, "redacted:"+workflowID...), nil
	}
	return nil, fmt.Errorf("stage is neither %s nor %s: %w", Observed, Redacted, ErrEnvelope)
}

// encode makes the JSON array. What no JSON can hold panics with what it is, which is
// content.
func encode(records []audit.Record) (letter []byte, err error) {
	defer func() {
		if recover() != nil {
			letter, err = nil, fmt.Errorf("a record is not valid JSON: %w", ErrEnvelope)
		}
	}()
	letter = []byte{'['}
	for i := range records {
		if i > 0 {
			letter = append(letter, ',')
		}
		letter = audit.AppendCanonical(letter, &records[i])
		if len(letter) > MaxUnpacked {
			return nil, fmt.Errorf("records take more than %d bytes: %w", MaxUnpacked, ErrEnvelope)
		}
	}
	return append(letter, ']'), nil
}

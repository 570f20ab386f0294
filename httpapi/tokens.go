package httpapi

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// Tokens are those of a file: a line for each, the name of its owner, a blank,
// and the token of at least 16 characters; # begins a comment. What it is limited to
// may follow: clusters=NAME,… and namespaces=NAME,…. An owner may have
// several, to change them without a gap. The file is read again when it has
// changed; one that is missing or broken later leaves the tokens as they are.
//
// Only digests of tokens are kept and compared.
type Tokens struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex
	looked time.Time
	text   []byte
	owners map[[sha256.Size]byte]owner
}

// owner is who has a token, and what that is for.
type owner struct {
	name string
	only realm
}

// minToken is a length that nobody guesses, if it was chosen at random.
const minToken = 16

// look is how often a file is looked at while requests come.
const look = time.Second

// OpenTokens reads the file. Its errors name lines and quote nothing.
func OpenTokens(path string, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{path: path, log: log, now: time.Now}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t.looked, t.text = t.now(), text
	t.owners, err = parseTokens(text)
	return t, err
}

func parseTokens(text []byte) (map[[sha256.Size]byte]owner, error) {
	owners := map[[sha256.Size]byte]owner{}
	var faults []error
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 2 {
			faults = append(faults, fmt.Errorf("line %d: want a name and a token", n))
			continue
		}
		digest := sha256.Sum256([]byte(fields[1]))
		switch _, taken := owners[digest]; {
		case len(fields[1]) < minToken:
			faults = append(faults, fmt.Errorf("line %d: the token is shorter than %d characters", n, minToken))
		case taken:
			faults = append(faults, fmt.Errorf("line %d: the token is there twice", n))
		}
		who := owner{name: fields[0]}
		for _, word := range fields[2:] {
			if err := who.only.limit(word); err != nil {
				faults = append(faults, fmt.Errorf("line %d: %w", n, err))
			}
		}
		owners[digest] = who
	}
	if len(owners) == 0 && len(faults) == 0 {
		faults = append(faults, errors.New("there is no token in it"))
	}
	return owners, errors.Join(faults...)
}

// ownerOf tells whose a token is.
func (t *Tokens) ownerOf(token string) (who owner, ok bool) {
	digest := sha256.Sum256([]byte(token))
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); now.Sub(t.looked) >= look {
		t.looked = now
		t.reload()
	}
	who, ok = t.owners[digest]
	return who, ok
}

func (t *Tokens) reload() {
	text, err := os.ReadFile(t.path)
	if err == nil && bytes.Equal(text, t.text) {
		return
	}
	var owners map[[sha256.Size]byte]owner
	if err == nil {
		owners, err = parseTokens(text)
	}
	if err != nil {
		t.log.Error("tokens not changed: the file cannot be used", "error", err)
		return
	}
	t.text, t.owners = text, owners
	t.log.Info("tokens changed", "tokens", len(owners))
}

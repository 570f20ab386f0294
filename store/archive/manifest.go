package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/auditflow/auditflow/audit"
)

const maxManifestBytes = 64 << 20 // a segment takes about 500 bytes in it

// encodeManifest writes the only form of a manifest that is ever read again.
func encodeManifest(m audit.Manifest) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(m)
	return b.Bytes(), err
}

// decodeManifest takes nothing but what encodeManifest writes, byte for byte: no
// unknown or repeated names, no other white space, nothing after the end.
func decodeManifest(b []byte) (m audit.Manifest, err error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return m, errors.New("it is not JSON") // the error may quote it
	}
	if version.Format != audit.ManifestFormat {
		return m, fmt.Errorf("its format is %d; this release reads %d", version.Format, audit.ManifestFormat)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, errors.New("it is not a manifest as we write them")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("something follows the manifest")
	}
	if canonical, err := encodeManifest(m); err != nil || !bytes.Equal(canonical, b) {
		return m, errors.New("it is not written as we write manifests")
	}
	return m, nil
}

// link is one manifest of a period as it was found, or why it cannot be used.
type link struct {
	key  string
	seen audit.Archived // without fault
	sum  string         // of the bytes that were found
	err  error
}

// chain reads the manifests among the objects of a period in their order, with a
// link for each that is missing between them. It fails only when the bucket does.
func (a *Archive) chain(ctx context.Context, period string, objects []object) (links []link, err error) {
	var numbers []int
	for _, o := range objects {
		if n, is := manifestNumber(o.key); is && o.key == manifestKey(period, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	previous := ""
	for _, n := range numbers {
		for len(links) < n-1 {
			key := manifestKey(period, len(links)+1)
			links = append(links, link{key: key, err: missing("it is gone: manifest %d is there", n)})
			previous = ""
		}
		l, err := a.link(ctx, period, n)
		if err != nil {
			return nil, err
		}
		if l.err == nil && l.seen.Previous != previous && (n == 1 || previous != "") {
			l.err = altered("it does not follow the manifest before it: one of the two was exchanged")
		}
		previous = l.sum
		links = append(links, l)
	}
	return links, nil
}

func (a *Archive) link(ctx context.Context, period string, number int) (link, error) {
	l := link{key: manifestKey(period, number)}
	content, err := a.bucket.read(ctx, l.key, maxManifestBytes)
	switch Class(err) {
	case "":
	case ClassAltered, ClassNotFound:
		l.err = err
		return l, nil
	default:
		return l, err
	}
	sum := sha256.Sum256(content)
	l.sum = hex.EncodeToString(sum[:])
	m, err := decodeManifest(content)
	if err == nil {
		err = fits(m, period, number)
	}
	if err != nil {
		l.err = altered("%v", err)
		return l, nil
	}
	l.seen = audit.Archived{Manifest: m, SHA256: l.sum, Object: l.key}
	return l, nil
}

// fits tells whether a manifest is what stands under its key.
func fits(m audit.Manifest, period string, number int) error {
	p, err := parsePeriod(period)
	switch {
	case err != nil:
		return err
	case m.Table != auditTable || m.Period != period || !m.Start.Equal(p.Start) || !m.End.Equal(p.End):
		return fmt.Errorf("it is the manifest of another period, %s", m.Period)
	case m.Number != number:
		return fmt.Errorf("it is manifest %d", m.Number)
	}
	return checkSegments(m)
}

// checkSegments tells whether the segments stand in the order of the trail,
// within their period, under names of their own, and add up.
func checkSegments(m audit.Manifest) error {
	var rows, size int64
	for i, s := range m.Segments {
		name, own := strings.CutPrefix(s.Object, directoryOf(m.Period))
		match := segmentName.FindStringSubmatch(name)
		if !own || match == nil || !strings.HasPrefix(s.SHA256, match[1]) || !isSHA256(s.SHA256) || !isSHA256(s.Digest) {
			return fmt.Errorf("segment %d is not named after its period and digest", i+1)
		}
		for _, k := range []audit.Key{s.First, s.Last} {
			if _, err := placeOf(k); err != nil {
				return fmt.Errorf("segment %d: %w", i+1, err)
			}
		}
		if s.Rows < 1 || s.Bytes < 1 || s.First.Compare(s.Last) > 0 || i > 0 && m.Segments[i-1].Last.Compare(s.First) >= 0 {
			return fmt.Errorf("segment %d is not in the order of the trail", i+1)
		}
		if s.First.CreatedAt.Before(m.Start) || !s.Last.CreatedAt.Before(m.End) {
			return fmt.Errorf("segment %d has rows of another period", i+1)
		}
		rows, size = rows+s.Rows, size+s.Bytes
	}
	if rows != m.Rows || size != m.Bytes {
		return errors.New("its segments do not add up to what it says of them")
	}
	if n := len(m.Segments); n > 0 && (m.First != m.Segments[0].First || m.Last != m.Segments[n-1].Last) {
		return errors.New("its segments do not begin and end where it says")
	}
	return nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && strings.ToLower(s) == s
}

// links reads the manifests that a listing found. One that is gone when it is read
// is looked for once more: the period may be leaving the archive just now.
func (a *Archive) links(ctx context.Context, period string) ([]link, error) {
	for found := -1; ; {
		objects, err := a.bucket.list(ctx, directoryOf(period)+"manifest-")
		if err != nil {
			return nil, err
		}
		links, err := a.chain(ctx, period, objects)
		gone := slices.ContainsFunc(links, func(l link) bool { return Class(l.err) == ClassNotFound })
		if err != nil || !gone || len(objects) == found {
			return links, err
		}
		found = len(objects)
	}
}

// Manifests reads the manifests of a period in their order and checks that each
// follows the one before; none is no error.
func (a *Archive) Manifests(ctx context.Context, period string) ([]audit.Archived, error) {
	if _, err := parsePeriod(period); err != nil {
		return nil, fail(err, "read the manifests")
	}
	links, err := a.links(ctx, period)
	if err != nil {
		return nil, err
	}
	manifests := make([]audit.Archived, 0, len(links))
	for _, l := range links {
		if l.err != nil {
			return nil, fail(l.err, "read %s", l.key)
		}
		manifests = append(manifests, l.seen)
	}
	return manifests, nil
}

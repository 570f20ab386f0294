package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// parameters brings JSON into the one form that survives a round trip through
// jsonb: keys sorted, of equal keys the last, numbers as PostgreSQL's numeric
// prints them, no insignificant white space. null counts as none.
func (b *notebook) parameters(raw json.RawMessage) json.RawMessage {
	if settled(raw) {
		return raw
	}
	return b.settle(raw)
}

// settle does it to any text.
func (b *notebook) settle(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	const path = "action_parameters"
	text := b.characters(path, string(raw))
	b.add(ChangeUTF8, path, loneSurrogates(text))

	p := parser{notes: b, path: path, dec: json.NewDecoder(strings.NewReader(text))}
	p.dec.UseNumber()
	value, err := p.document()
	switch {
	case errors.Is(err, errDepth):
		b.add(ChangeDepth, path, 1)
		value = text
	case err != nil:
		b.add(ChangeNotJSON, path, 1)
		value = text
	case value == nil:
		return nil
	}
	return CanonicalJSON(value)
}

// CanonicalJSON encodes what [json.Decoder] decodes (with UseNumber or not):
// keys sorted by their bytes, no white space, no HTML escapes.
func CanonicalJSON(value any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		// Only types that no decoder returns can fail here.
		panic("audit: canonical JSON: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

var errDepth = errors.New("nested too deep")

// parser reads one JSON value from tokens; unlike json.Unmarshal it sees
// duplicate keys and bounds the depth.
type parser struct {
	notes *notebook
	path  string
	dec   *json.Decoder
}

func (p *parser) document() (any, error) {
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return value, nil
}

func (p *parser) value(depth int) (any, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if depth >= MaxDepth {
			return nil, errDepth
		}
		if t == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case json.Number:
		return p.number(t), nil
	case string:
		return p.notes.characters(p.path, t), nil
	}
	return token, nil
}

func (p *parser) object(depth int) (any, error) {
	object := map[string]any{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		key := p.notes.characters(p.path, token.(string)) // the decoder yields only strings here
		if _, twice := object[key]; twice {
			p.notes.add(ChangeDuplicateKey, p.path, 1)
		}
		if object[key], err = p.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := p.dec.Token() // }
	return object, err
}

func (p *parser) array(depth int) (any, error) {
	array := []any{}
	for p.dec.More() {
		element, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := p.dec.Token() // ]
	return array, err
}

// maxDigits bounds how many zeros an exponent may unfold to; a float64 needs
// no more than 309 before the point and 324 after it.
const maxDigits = 400

// number writes n without exponent, as jsonb gives it back, or as a string
// where that would take more than maxDigits digits.
func (p *parser) number(n json.Number) any {
	plain, ok := plainNumber(string(n))
	if !ok {
		p.notes.add(ChangeNumber, p.path, 1)
		return string(n)
	}
	return json.Number(plain)
}

func plainNumber(n string) (string, bool) {
	if len(n) > maxDigits {
		return "", false
	}
	negative := strings.HasPrefix(n, "-")
	mantissa, exponent := strings.TrimPrefix(n, "-"), 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		e, err := strconv.Atoi(mantissa[i+1:])
		if err != nil || e > maxDigits || e < -maxDigits {
			return "", false
		}
		mantissa, exponent = mantissa[:i], e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if exponent > 0 {
		fraction += strings.Repeat("0", max(0, exponent-len(fraction)))
		whole, fraction = whole+fraction[:exponent], fraction[exponent:]
	} else if exponent < 0 {
		whole = strings.Repeat("0", max(0, -exponent-len(whole))) + whole
		whole, fraction = whole[:len(whole)+exponent], whole[len(whole)+exponent:]+fraction
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	plain := whole
	if fraction != "" {
		plain += "." + fraction
	}
	if negative && strings.Trim(plain, "0.") != "" { // numeric knows no -0
		plain = "-" + plain
	}
	return plain, true
}

// loneSurrogates counts \ud800–\udfff escapes without their other half, which
// encoding/json replaces silently.
func loneSurrogates(s string) (n int) {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		high, ok := escapedUnit(s[i:])
		switch {
		case !ok:
			i++ // the escaped character, which may be a backslash
		case high >= 0xd800 && high < 0xdc00:
			if low, ok := escapedUnit(s[i+6:]); ok && low >= 0xdc00 && low < 0xe000 {
				i += 11
			} else {
				n++
				i += 5
			}
		default:
			if high >= 0xdc00 && high < 0xe000 {
				n++
			}
			i += 5
		}
	}
	return n
}

// escapedUnit reads the \uXXXX that s begins with.
func escapedUnit[T string | []byte](s T) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return rune(u), err == nil
}

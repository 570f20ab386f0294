package canary

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// maker makes things up, the same for the same seed.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 20261123))} }

const (
	lowers = "abcdefghijklmnopqrstuvwxyz"
	uppers = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	base62 = lowers + uppers + digits
)

// alphabets are what a grammar may ask for: {b36} is 36 signs of base62.
var alphabets = map[byte]string{
	'b': base62, 'l': lowers, 'd': digits, 'x': digits + "abcdef", 'a': lowers + digits, 'A': uppers + digits,
	'w': base62 + "-_", 's': base62 + "+/", 'c': base62 + "./", 'k': uppers + "234567", 'L': lowers + uppers,
}

func (m maker) of(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

// password is one that a person would choose, and nobody else has. It may stand
// in shell words and URLs as it is.
func (m maker) password() string {
	word := func() string {
		return m.pick("Otter", "Violin", "Harbour", "Saffron", "Glacier", "Lantern", "Thistle", "Walnut", "Comet", "Juniper")
	}
	return word() + m.pick("!", "_", "-", ".") + word() + m.of(digits, 5) + m.of(lowers, 2)
}

func (m maker) uuid() string {
	x := alphabets['x']
	return m.of(x, 8) + "-" + m.of(x, 4) + "-4" + m.of(x, 3) + "-a" + m.of(x, 3) + "-" + m.of(x, 12)
}

var blank = regexp.MustCompile(`\{([a-zA-Z])([0-9]+)\}`)

// fill puts something into the blanks of a grammar: {b36} is 36 signs of an
// alphabet, {p0} a password, {u0} a UUID.
func (m maker) fill(grammar string) string {
	return blank.ReplaceAllStringFunc(grammar, func(b string) string {
		n, err := strconv.Atoi(b[2 : len(b)-1])
		switch alphabet, ok := alphabets[b[1]]; {
		case err != nil:
			panic("canary: " + err.Error()) // the expression above has let it pass
		case b[1] == 'p':
			return m.password()
		case b[1] == 'u':
			return m.uuid()
		case !ok:
			panic("canary: no alphabet for " + b)
		default:
			return m.of(alphabet, n)
		}
	})
}

// write fills a grammar in which «…» marks what is secret.
func (m maker) write(rule, grammar string) Canary {
	text := m.fill(grammar)
	c := Canary{Rule: rule}
	for part := range strings.SplitSeq(text, "«") {
		secret, _, marked := strings.Cut(part, "»")
		if marked {
			c.Secrets = append(c.Secrets, secret)
		}
	}
	c.Text = strings.NewReplacer("«", "", "»", "").Replace(text)
	return c
}

// Fill is for secrets of one's own: grammars with blanks, as in glpat-{b20}.
func Fill(seed uint64, grammar string) string { return newMaker(seed).fill(grammar) }

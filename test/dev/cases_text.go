package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/auditflow/auditflow/test/world"
)

// textCases print what must arrive as it is, byte by byte.
func textCases(p *plants) []scenario {
	exact := func(name, output string, alone bool) scenario {
		return scenario{
			name: name, action: "collect-diagnostics", target: deployment("prod-api", "gateway"),
			plan: world.Plan{Output: output}, want: completes(), alone: alone,
		}
	}
	unusual := exact("unusual-text", unusualText, false)
	unusual.params = `{"comment":"\u0000 \ud83e\udda6 e\u0301 \u202e"}`
	failing := exact("unusual-error", "", false)
	failing.plan.ExitCodes, failing.plan.Error, failing.want = []int{1}, unusualText, fails(1, "Error")
	return []scenario{
		exact("log-of-300-kib", logLines(300<<10), true),
		exact("digests-of-1200-kb", digestLines(1_200_000), true),
		exact("one-long-line", strings.Repeat("e\u0301tude n\u0303ame ", 12_000), true),
		exact(canaryCase, "the canary is "+p.canary()+", and it is no secret", false),
		unusual, failing,
	}
}

// unusualText is what terminals, editors and other alphabets leave in logs.
const unusualText = "\ufeffa BOM first\r\n" +
	"NUL \x00 in the middle, bell \a, escape \x1b[1;31mred\x1b[0m\r\n" +
	"emoji 🦦 👩‍👩‍👧‍👦 🇦🇶, combining e\u0301 Z͑ͫ̓ͪ̂ͫ, width １２３\n" +
	"bidi \u202egnp.exe\u202c \u2066isolated\u2069, zero\u200bwidth\u2060joined\n" +
	"\u0085 next line, \u2028 line and \u2029 paragraph separators\n" +
	"漢字 العربية עברית हिन्दी ไทย, astral 𝔘𝔫𝔦𝔠𝔬𝔡𝔢, U+FFFD \ufffd, U+FFFE \ufffe\n" +
	`backslashes \ \\ \n \u0000, quotes " ' ` + "`" + `, dollars $$ $1, percent %s %00, braces {{.}}` + "\n" +
	"tab\tand no line end"

// logLines are lines that compress well.
func logLines(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "2026-03-01T10:%02d:%02dZ INFO gateway request served path=/orders/%d status=200 took=%dms\n",
			i/60%60, i%60, rand.IntN(1000), rand.IntN(90))
	}
	return b.String()
}

// digestLines hardly compress: half of their bytes are random.
func digestLines(size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "pulled layer sha256:%s\n", random(hexes, 64))
	}
	return b.String()
}

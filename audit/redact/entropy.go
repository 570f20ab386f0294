package redact

import "math"

// entropy is Shannon's, in bits for each byte: 0 where all bytes are alike, 4
// at most in hexadecimal, 6 in base64.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

package redact

import "strings"

// publicBlocks finds the stretches of s that look random and may be read by
// anybody: armoured certificates, public keys and messages, and values that are
// sealed already (SOPS, Jasypt).
func publicBlocks(s string) (blocks []span) {
	for at := 0; ; {
		i := strings.Index(s[at:], "-----BEGIN ")
		if i < 0 {
			break
		}
		start := at + i
		head := s[start:min(len(s), start+64)]
		at = start + len("-----BEGIN ")
		if strings.Contains(head, "PRIVATE") {
			continue
		}
		end := len(s)
		if j := strings.Index(s[at:], "-----END "); j >= 0 {
			end = at + j
		}
		blocks = append(blocks, span{start, end})
		at = end
	}
	return append(blocks, sealedValues(s)...)
}

func sealedValues(s string) (blocks []span) {
	for at := 0; ; {
		i := strings.Index(s[at:], "ENC")
		if i < 0 {
			return blocks
		}
		start := at + i
		at = start + len("ENC")
		if at == len(s) || s[at] != '[' && s[at] != '(' {
			continue
		}
		end := len(s)
		if j := strings.IndexAny(s[start:], "])"); j >= 0 {
			end = start + j
		}
		blocks = append(blocks, span{start, end})
		at = end
	}
}

func within(blocks []span, at int) bool {
	for _, b := range blocks {
		if at >= b.start && at < b.end {
			return true
		}
	}
	return false
}

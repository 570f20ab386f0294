package redact

import "encoding/base64"

// privateDER tells base64 of a private key without the lines around it: a
// sequence (X.690) that begins with a version, as in PKCS #1, PKCS #8 and
// RFC 5915. Certificates and public keys begin with another sequence.
func privateDER(word string) bool {
	if len(word) < 60 || word[0] != 'M' {
		return false
	}
	var der [12]byte
	if n, err := base64.RawStdEncoding.Decode(der[:], []byte(word[:16])); err != nil || n < len(der) || der[0] != 0x30 {
		return false
	}
	at := 2
	if der[1] >= 0x80 { // the length takes more bytes
		at += int(der[1] & 0x0f)
	}
	return at+3 < len(der) && der[at] == 2 && der[at+1] == 1 && der[at+2] <= 1
}

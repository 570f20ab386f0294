package redact

import (
	"encoding/base64"
	"strings"
)

// jwtRule knows JSON Web Tokens (RFC 7519), which Kubernetes service account
// tokens are too; also without signature, and cut.
func jwtRule() rule {
	r := shape("jwt", "eyj ewo ewog", `(?:\b|_)(ew[o0][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*|ey[JI][A-Za-z0-9_-]{8,}\.(?:ey[JI]|[A-Za-z0-9_-]{20})[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*)`)
	r.check = func(m match) bool { return isJWT(m.secret) }
	return r
}

// isJWT tells whether the first part is a JSON object and the second, unless
// the token is an encrypted one, is not plainly something else.
func isJWT(token string) bool {
	parts := strings.SplitN(token, ".", 4)
	header, ok := jsonHead(parts[0])
	if !ok || !strings.HasPrefix(header, "{") || !strings.Contains(header, `"`) {
		return false
	}
	if strings.Contains(header, `"enc"`) || len(parts) < 2 {
		return true
	}
	payload, ok := jsonHead(parts[1])
	return ok && strings.HasPrefix(payload, "{")
}

// jsonHead decodes as much of a part as is complete.
func jsonHead(part string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(part[:len(part)/4*4])
	return strings.TrimSpace(string(raw)), err == nil && printable(raw)
}

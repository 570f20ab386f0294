package seal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KEK returns the key that encrypts keysets and never leaves its KMS. The first
// client that knows uri makes it. With an empty uri it is nil, which stands for
// keysets in clear. Clients are those of Tink's integrations, handed in: Tink's
// own registry of them is global.
func KEK(uri string, clients []registry.KMSClient) (tink.AEAD, error) {
	if uri == "" {
		return nil, nil
	}
	for _, client := range clients {
		if !client.Supported(uri) {
			continue
		}
		kek, err := client.GetAEAD(uri)
		if err != nil {
			return nil, fmt.Errorf("KMS key: %w", err)
		}
		return kek, nil
	}
	scheme, _, ok := strings.Cut(uri, "://")
	if !ok {
		return nil, errors.New("KMS key: want a URI such as gcp-kms://projects/…")
	}
	return nil, fmt.Errorf("KMS key: this program has no client for %s:// that takes this URI", scheme)
}

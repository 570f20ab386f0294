package httpapi

import _ "embed" // the document

// OpenAPI describes the API (OpenAPI 3.1, YAML). The tests compare it with every
// answer they get, both ways.
//
//go:embed openapi.yaml
var OpenAPI []byte

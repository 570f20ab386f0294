package redact_test

import (
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

func TestManifestsInText(t *testing.T) {
	t.Parallel()
	const m = "[REDACTED:kubernetes-secret]"
	tests := []struct{ name, text, want string }{
		{"a Secret beside a ConfigMap",
			"items:\n- data:\n    color: blue\n  kind: ConfigMap\n- data:\n    a: aGk=\n  kind: Secret\n",
			"items:\n- data:\n    color: blue\n  kind: ConfigMap\n- data:\n    a: " + m + "\n  kind: Secret\n"},
		{"a Secret whose kind was cut off, but not its type",
			"data:\n  a: aGk=\nmetadata:\n  name: x\ntype: Opaque\n",
			"data:\n  a: " + m + "\nmetadata:\n  name: x\ntype: Opaque\n"},
		{"data in braces",
			"kind: Secret\ndata: {a: aGk=, b: \"aG8=\"}\n",
			"kind: Secret\ndata: {a: " + m + ", b: " + m + "}\n"},
		{"a block, line by line",
			"kind: Secret\nstringData:\n  x: |\n    one\n    two\n  y: z\nmetadata: {}\n",
			"kind: Secret\nstringData:\n  x: |\n    " + m + "\n    " + m + "\n  y: " + m + "\nmetadata: {}\n"},
		{"comments, templates and sealed values stay",
			"kind: Secret\nstringData:\n  # why\n  a: ${A}\n  b: \"{{ .Values.b }}\"\n  c: \"\"\n", ""},
		{"the fields of another kind stay",
			"kind: SealedThing\ndata:\n  a: aGk=\n---\nkind: Secret\nmetadata:\n  name: x\n", ""},
		{"the schema of a field that is called so",
			"properties:\n  stringData:\n    description: what is told\n    additionalProperties:\n      type: string\n    type: object\n", ""},
		{"a Secret whose names are those of a schema",
			"kind: Secret\nstringData:\n  description: >\n    one\n  type: string\n",
			"kind: Secret\nstringData:\n  description: >\n    " + m + "\n  type: " + m + "\n"},
		{"sizes, as kubectl describes a Secret",
			"Type:  Opaque\n\nData\n====\npassword:  12 bytes\ntoken:     900 bytes\n", ""},
		{"JSON beside YAML",
			"x: 1\nlast: '{\"kind\":\"Secret\",\"data\":{\"a\":\"aGk=\",\"b\":\"aG8=\"}}'\n",
			"x: 1\nlast: '{\"kind\":\"Secret\",\"data\":{\"a\":\"" + m + "\",\"b\":\"" + m + "\"}}'\n"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := tc.want
			if want == "" {
				want = tc.text
			}
			if got, _ := r.Text(tc.text); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			checkText(t, r, tc.text)
		})
	}
}

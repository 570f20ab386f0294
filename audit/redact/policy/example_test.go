package policy_test

import (
	"fmt"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/policy"
)

func Example() {
	options, err := policy.Parse([]byte(`
version: 1
rules:
  - name: badge
    keys: [badge_number]
    examples: ["badge number 7: badge_number=4711"]
allow:
  - value: "0000"
    reason: the badge of the demo
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	redactor, err := redact.NewWith(options)
	if err != nil {
		fmt.Println(err)
		return
	}
	masked, findings := redactor.Text(`opened with badgeNumber=4711, then with badgeNumber=0000`)
	fmt.Println(masked)
	fmt.Println(findings)
	_, err = policy.Parse([]byte("version: 1\noff: [everything]\nfields: {output: public}"), nil)
	fmt.Println(err)
	// Output:
	// opened with badgeNumber=[REDACTED:badge], then with badgeNumber=0000
	// [{badge 24 28}]
	// redaction policy:
	// line 2: off[0]: there is no built-in rule of this name
	// line 3: fields.output: holds what anybody prints, so it cannot be public
}

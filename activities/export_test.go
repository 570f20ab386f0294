package activities

import "github.com/auditflow/auditflow/audit"

// SetMask puts something else in the redactor's place.
func (d *Deliver) SetMask(mask func(audit.Record) audit.Record) { d.mask = mask }

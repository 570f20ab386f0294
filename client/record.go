package client

import (
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Object is what Kubernetes tells of every object: whatever is a metav1.Object
// has these methods. So written, this package needs nothing of Kubernetes.
type Object[UID ~string, Time interface{ UTC() time.Time }] interface {
	GetUID() UID
	GetName() string
	GetNamespace() string
	GetCreationTimestamp() Time
}

// NewRecord begins the record of an object with what identifies it: UID, name,
// namespace, time of creation, and its kind as Source, as in Backup. The caller
// adds what was done (ActionType, at least) and how it ended; [Client.Deliver]
// the rest.
func NewRecord[UID ~string, Time interface{ UTC() time.Time }](kind string, of Object[UID, Time]) audit.Record {
	return audit.Record{
		Source:             kind,
		ExecutionID:        of.GetName(),
		ExecutionNamespace: of.GetNamespace(),
		ExecutionUID:       string(of.GetUID()),
		CreatedAt:          of.GetCreationTimestamp().UTC(),
	}
}

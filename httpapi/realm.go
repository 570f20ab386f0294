package httpapi

import (
	"errors"
	"slices"
	"strings"
)

// realm is what a client is limited to. The zero value is everything.
type realm struct {
	clusters, namespaces []string // none: all
}

// allows tells whether records of a cluster and a namespace ("": of several) are within.
func (s realm) allows(cluster, namespace string) *Problem {
	within := func(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	switch {
	case !within(s.clusters, cluster):
		return forbidden("the token is for one or some clusters: name one of them, exactly")
	case !within(s.namespaces, namespace):
		return forbidden("the token is for one or some namespaces: name one of them as the target's, exactly")
	}
	return nil
}

// limit reads one more word of a token's line, as clusters=prod-eu-1,prod-us-1.
func (s *realm) limit(word string) error {
	what, names, _ := strings.Cut(word, "=")
	into, ok := map[string]*[]string{"clusters": &s.clusters, "namespaces": &s.namespaces}[what]
	switch {
	case !ok:
		return errors.New("after name and token come clusters=NAME,… and namespaces=NAME,…, and nothing else")
	case len(*into) > 0:
		return errors.New(what + "= is there twice")
	}
	*into = strings.Split(names, ",")
	if slices.Contains(*into, "") {
		return errors.New(what + "= has a name that is empty")
	}
	return nil
}

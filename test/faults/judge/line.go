package judge

// looks are what an object was like in one version of it that the API server told.
type looks struct {
	held     bool   // it has the finalizer
	mark     string // the annotation
	deleting bool
}

// outOfLine says what is wrong with one version after an earlier one, or "". The
// marks of an object are a line: not held, held, let go; marked in the same write as
// it is let go, and from then on for good. Whoever lets go of an object that nobody
// deletes marks it. Versions in between may have been missed.
func outOfLine(before, now looks) string {
	switch {
	case now.mark != "" && now.held:
		return "is marked while it is held"
	case before.mark != "" && now.mark == "":
		return "has lost its mark"
	case before.mark != "" && now.mark != before.mark:
		return "was marked a second time"
	case before.held && !now.held && now.mark == "" && !now.deleting:
		return "was let go without a mark, and nobody has deleted it"
	}
	return ""
}

// next enters one version of an object, and tells what is out of line with those before.
func (o *object) next(now looks) string {
	wrong := outOfLine(o.looks, now)
	if wrong == "" && o.letGo && now.held {
		wrong = "was held again"
	}
	o.letGo = o.letGo || o.held && !now.held
	o.looks = now
	return wrong
}

// Disorder notes that the marks of an execution are not a line.
func (b *Books) Disorder(name, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.disorders = append(b.disorders, name+" "+what)
}

package main

import (
	"strings"

	"github.com/auditflow/auditflow/audit"
)

// outputLines are what actions print; # stands for a digit, @ for a name.
//
//nolint:gochecknoglobals // a table of constants
var outputLines = []string{
	"deployment.apps/@ scaled",
	"pod \"@-#d#f##b#-x#q#z\" deleted",
	"Waiting for deployment \"@\" rollout to finish: # of # updated replicas are available...",
	"deployment \"@\" successfully rolled out",
	"ts=##:##:##.### level=info msg=\"patched resource\" kind=Deployment name=@ attempt=# took=###ms",
	"ts=##:##:##.### level=warn msg=\"endpoint not ready\" service=@ address=10.##.#.###:8080 retry_in=#s",
	"statefulset.apps/@ restarted",
	"{\"time\":\"##:##:##\",\"severity\":\"INFO\",\"message\":\"probe succeeded\",\"target\":\"@\",\"latency_ms\":###}",
	"  NAME        READY   STATUS    RESTARTS   AGE",
	"  @-#    #/#     Running   #          ##m",
	"evicting pod kube-system/@-##x#",
	"checkpoint: ###### rows in #.## s, ## MB written",
	"I##### ##:##:##.###### controller.go:###] syncing @ (generation ##, observed ##)",
	"done",
}

//nolint:gochecknoglobals // a table of constants
var errorLines = []string{
	"timed out waiting for the condition: deployment \"@\" exceeded its progress deadline (### s)",
	"Back-off restarting failed container app in pod @-#d#f##b#-x#q#z",
	"error: cannot evict pod \"@-##\" as it would violate the pod's disruption budget (# attempts)",
	"admission webhook \"policy.example\" denied the request: @ may not be scaled beyond # replicas",
	"Operation cannot be fulfilled on deployments.apps \"@\": the object has been modified; please apply your changes to the latest version (resourceVersion ########)",
	"OOMKilled: container app of @ used ###Mi of ###Mi",
	"dial tcp 10.##.#.###:5432: connect: connection refused (@)",
	"script ended with status #: line ##: @: command not found",
}

// narrative adds what was printed, what went wrong, and now and then what was
// masked in it or had to be changed.
func (a *author) narrative(r *audit.Record) {
	var text strings.Builder
	if r.JobName != "" {
		a.lines(&text, outputLines, r.TargetResourceName, a.outputSize())
	}
	if text.Len() > 0 && a.chance(.03) {
		rule, masked := a.redaction()
		text.WriteString("\nconnecting with credential=" + masked)
		r.Redactions = []audit.Redaction{{Rule: rule, Path: "output", Count: 1}}
	}
	r.Output = text.String()
	if !r.Success {
		text.Reset()
		a.lines(&text, errorLines, r.TargetResourceName, 1)
		r.Error = text.String()
	}
	if a.chance(.002) {
		r.Output += "\xff" // no UTF-8: normalising notes it
	}
}

// outputSize is around 300 bytes, and rarely up to 64 KiB.
func (a *author) outputSize() int {
	if a.chance(.002) {
		return min(int(logNormal(a.rng, 9<<10, .8)), 64<<10)
	}
	return int(logNormal(a.rng, 200, .8))
}

// lines writes whole lines until there are at least size bytes; none for 0.
func (a *author) lines(text *strings.Builder, from []string, name string, size int) {
	for text.Len() < size {
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
		a.fill(text, from[a.rng.IntN(len(from))], name)
	}
}

// fill writes a template. Digits are 1 to 9, so that they make numbers in JSON.
func (a *author) fill(text *strings.Builder, template, name string) {
	random := a.rng.Uint64()
	for i := range len(template) {
		switch c := template[i]; c {
		case '#':
			text.WriteByte('1' + byte(random%9))
			if random /= 9; random == 0 {
				random = a.rng.Uint64()
			}
		case '@':
			text.WriteString(name)
		default:
			text.WriteByte(c)
		}
	}
}

// parameters are those of the action after what every tool adds to them. Keys
// are sorted: those of the actions all come after "app".
func (a *author) parameters(does *action, target string) string {
	if does.parameters == "" {
		return ""
	}
	const (
		alert       = `{"alertID":"######",`
		annotations = `"annotations":{"alert":"KubePodCrashLooping-#####","fingerprint":"a#f##e#b####c###",` +
			`"runbook":"https://runbooks.example/@/##","severity":"warning"},`
		app = `"app":"@",`
	)
	var text strings.Builder
	a.fill(&text, alert, target)
	if a.chance(.5) {
		a.fill(&text, annotations, target)
	}
	a.fill(&text, app, target)
	a.fill(&text, does.parameters[1:], target)
	return text.String()
}

// resource is the name of what is acted upon: pods get new ones all the time,
// nodes are few, the rest is called after its application.
func (a *author) resource(kind, target string) string {
	switch kind {
	case "Pod":
		return target + "-" + a.suffix(9) + "-" + a.suffix(5)
	case "Node":
		var text strings.Builder
		a.fill(&text, "node-##.eu-1", "")
		return text.String()
	default:
		return target
	}
}

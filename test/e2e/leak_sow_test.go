package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/test/leak/canary"
	"github.com/auditflow/auditflow/test/world"
)

// plant is one execution with secrets in it.
type plant struct {
	ex      *v1.KubernetesExecution
	plan    world.Plan
	play    func(ctx context.Context, ex *v1.KubernetesExecution, p world.Plan) (world.Completion, error) // nil: to its end
	secrets []leak.Secret
	heldUp  bool // its rows cannot be appended at once
}

// sowing are all executions of the leak test, each with canaries of its own.
type sowing struct {
	plants []*plant
	seed   uint64

	mu   sync.Mutex
	done map[*plant]world.Completion
}

func (s *sowing) add(name string) *plant {
	p := &plant{ex: execution("leak-" + name)}
	s.plants = append(s.plants, p)
	return p
}

// canaries are new ones each time.
func (s *sowing) canaries() []canary.Canary {
	s.seed++
	return canary.All(s.seed)
}

// text is a canary's text in an encoding, to be put where it is said.
func (p *plant) text(c canary.Canary, e canary.Encoding, where string) string {
	text, secrets := c.In(e, where)
	p.secrets = append(p.secrets, secrets...)
	return text
}

// one plants a single canary of a rule; the first of it is one line and short.
func (s *sowing) one(p *plant, rule, where string) string {
	for _, c := range s.canaries() {
		if c.Rule == rule {
			return p.text(c, plain(), where)
		}
	}
	panic("there is no canary of " + rule)
}

// token plants a token that may stand where hardly anything may: in the names of
// Kubernetes objects.
func (s *sowing) token(p *plant, grammar, where string) string {
	s.seed++
	token := canary.Fill(s.seed, grammar)
	p.secrets = append(p.secrets, leak.Secret{Label: "token in " + where, Value: token})
	return token
}

// sowTexts puts every canary plain, and a third of all in each encoding, into one
// of the fields that hold text; which, goes round, so that each encoding was in
// all of them. That every rule sees through every encoding is for the tests of
// package canary: here the race detector makes it a matter of minutes.
func (s *sowing) sowTexts() (texts []*plant) {
	for i, e := range canary.Encodings() {
		p := s.add(fmt.Sprintf("text-%d", i))
		var output, failure []string
		parameters := map[string]any{}
		for n, c := range s.canaries() {
			switch field := (n + i) % 4; {
			case i > 0 && n%3 != i%3 || e.Hides(c):
			case field == 0:
				output = append(output, p.text(c, e, "output"))
			case field == 1:
				failure = append(failure, p.text(c, e, "error"))
			case field == 2:
				parameters[fmt.Sprintf("c%d", n)] = p.text(c, e, "parameters")
			case field == 3:
				parameters[p.text(c, e, "names of parameters")] = true
			}
		}
		p.ex.Spec.Action.Parameters = rawJSON(parameters)
		p.plan.Output, p.plan.Error, p.plan.ExitCodes = strings.Join(output, "\n"), strings.Join(failure, "\n"), []int{1}
		p.plan.JobRef = &v1.JobReference{Name: s.one(p, "gitlab-token", "job name")}
		texts = append(texts, p)
	}
	p := s.add("refusal")
	p.plan.Refusal = s.one(p, "password", "a refusal")
	return texts
}

func plain() canary.Encoding { return canary.Encodings()[0] }

func rawJSON(v any) *apiextensionsv1.JSON {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and maps of them always can be
	}
	return &apiextensionsv1.JSON{Raw: raw}
}

// nameField is a field of one line that goes to Temporal in clear, once masked.
type nameField struct {
	name  string
	limit int
	set   func(ex *v1.KubernetesExecution, text string)
}

var nameFields = []nameField{
	{"action type", 100, func(ex *v1.KubernetesExecution, text string) { ex.Spec.Action.Type = text }},
	{"target kind", 100, func(ex *v1.KubernetesExecution, text string) { ex.Spec.Action.Target.ResourceKind = text }},
	{"target namespace", 253, func(ex *v1.KubernetesExecution, text string) { ex.Spec.Action.Target.Namespace = text }},
	{"target name", 253, func(ex *v1.KubernetesExecution, text string) { ex.Spec.Action.Target.ResourceName = text }},
	{"workflow", 255, func(ex *v1.KubernetesExecution, text string) { ex.Spec.WorkflowExecutionRef.Name = text }},
}

// sowNames puts canaries of every third rule that fits into one of the names, and
// one in every encoding into each of them. Not of every rule: the controller
// masks names, and would spend half a minute under the race detector on first
// uses of rules that the worker has to know anyway.
func (s *sowing) sowNames() []*plant {
	before := len(s.plants)
	var some []canary.Canary
	for n, c := range s.canaries() {
		if n%3 == 0 {
			some = append(some, c)
		}
	}
	s.fillNames("name", plain(), some, len(some))
	for i, e := range canary.Encodings()[1:] {
		s.fillNames(fmt.Sprintf("name-%d", i), e, s.canaries(), 1)
	}
	return s.plants[before:]
}

// fillNames makes executions, most of them at most, until no canary is left that
// fits.
func (s *sowing) fillNames(name string, e canary.Encoding, waiting []canary.Canary, most int) {
	for n := range most {
		p := &plant{ex: execution(fmt.Sprintf("leak-%s-%d", name, n)), plan: world.Plan{Refusal: "x"}}
		for _, field := range nameFields {
			for i, c := range waiting {
				text, secrets := c.In(e, field.name)
				if e.Hides(c) || strings.Contains(text, "\n") || len(text) > field.limit {
					continue
				}
				field.set(p.ex, text)
				p.secrets = append(p.secrets, secrets...)
				waiting = append(waiting[:i:i], waiting[i+1:]...)
				break
			}
		}
		if len(p.secrets) == 0 {
			return
		}
		s.plants = append(s.plants, p)
	}
}

// sowObjects puts tokens into what is called and said by Kubernetes itself.
func (s *sowing) sowObjects() {
	p := s.add("objects")
	p.ex.Namespace, p.ex.Name = s.token(p, "key-{x32}", "a namespace"), s.token(p, "dapi{x32}", "an execution, its Job and its pod")
	reason := s.token(p, "glpat-{b20}", "the reason of a pod's end")
	p.plan.ExitCodes = []int{1}
	p.plan.BeforeEnd = func(ctx context.Context, job *batchv1.Job) error { return sayWhy(ctx, job, reason) }

	p = s.add("reason")
	why := s.token(p, "ghp_{b36}", "the reason of a condition")
	p.play = func(ctx context.Context, ex *v1.KubernetesExecution, _ world.Plan) (world.Completion, error) {
		return endWith(ctx, ex, v1.PhaseFailed, metav1.Condition{Type: "Failed", Status: metav1.ConditionTrue, Reason: why, Message: "x"})
	}

	p = s.add("phase")
	phase := v1.Phase(s.token(p, "glrt-{b20}", "a phase"))
	p.play = func(ctx context.Context, ex *v1.KubernetesExecution, _ world.Plan) (world.Completion, error) {
		done, err := endWith(ctx, ex, phase)
		if err != nil {
			return done, err
		}
		return done, stage.executor.Client.Delete(ctx, ex)
	}
}

// sayWhy makes the pods of a Job say that they ended for a reason.
func sayWhy(ctx context.Context, job *batchv1.Job, reason string) error {
	var pods corev1.PodList
	if err := stage.executor.Client.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		for i := range pod.Status.ContainerStatuses {
			pod.Status.ContainerStatuses[i].State.Terminated.Reason = reason
		}
		if err := stage.executor.Client.Status().Update(ctx, &pod); err != nil {
			return err
		}
	}
	return nil
}

// endWith begins an execution that has no Job and leaves it in a phase. It is
// held by then, so that it can be deleted without being missed.
func endWith(ctx context.Context, ex *v1.KubernetesExecution, phase v1.Phase, conditions ...metav1.Condition) (world.Completion, error) {
	if err := stage.executor.Client.Create(ctx, ex); err != nil {
		return world.Completion{}, err
	}
	for now := ex.DeepCopy(); len(now.Finalizers) == 0; {
		if err := stage.executor.Client.Get(ctx, client.ObjectKeyFromObject(ex), now); err != nil {
			return world.Completion{}, err
		}
	}
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Now()
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{"phase": phase, "conditions": conditions}})
	if err != nil {
		return world.Completion{}, err
	}
	err = stage.executor.Client.Status().Patch(ctx, ex, client.RawPatch(types.MergePatchType, status))
	return world.Completion{Name: client.ObjectKeyFromObject(ex), UID: ex.UID, Phase: phase}, err
}

// sowRepeated puts a password into the parameters, where its name tells what it
// is, and where nothing tells into all texts, in every encoding.
func (s *sowing) sowRepeated() {
	p := s.add("repeated")
	password := s.token(p, "{p0}", "parameters, and repeated in texts")
	var lines []string
	for _, e := range canary.Encodings() {
		text, _ := canary.Canary{Text: "then " + password + " was tried", Secrets: []string{password}}.In(e, "")
		lines = append(lines, text)
	}
	p.ex.Spec.Action.Parameters = rawJSON(map[string]any{"password": password, "tried " + password: true})
	p.plan.Output, p.plan.Error, p.plan.ExitCodes = strings.Join(lines, "\n"), "the server does not like "+password, []int{1}
}

// sowRepeatedInNames does so with all names.
func (s *sowing) sowRepeatedInNames() *plant {
	p := s.add("repeated-in-names")
	password := s.token(p, "{p0}", "parameters, and repeated in names")
	p.ex.Spec.Action.Parameters = rawJSON(map[string]any{"password": password})
	for _, field := range nameFields {
		field.set(p.ex, "tried-"+password)
	}
	p.plan.Refusal = "x"
	return p
}

// sowLarge puts canaries at the beginning and the end of an output of 1.2 MB, and
// across each boundary of 64 KiB in it.
func (s *sowing) sowLarge(content string) *plant {
	const size, block = 1_200_000, 64 << 10
	p := s.add("large")
	waiting := s.canaries()
	next := func() (text, secret string) {
		for i, c := range waiting {
			if !c.Line() {
				continue
			}
			waiting = waiting[i+1:]
			return p.text(c, plain(), "1.2 MB of output") + "\n", c.Secrets[0]
		}
		panic("there are too few canaries")
	}
	var b strings.Builder
	text, _ := next()
	b.WriteString(text)
	for at := block; at < size; at += block {
		text, secret := next()
		fillTo(&b, at-strings.Index(text, secret)-len(secret)/2, content)
		b.WriteString(text)
	}
	fillTo(&b, size, content)
	text, _ = next()
	b.WriteString(strings.TrimSuffix(text, "\n"))
	p.plan.Output = b.String()
	return p
}

// fillTo writes harmless lines until there are n bytes.
func fillTo(b *strings.Builder, n int, content string) {
	line := "2026-11-23T10:00:00Z INFO reconciled deployment web of " + content + "\n"
	for b.Len()+len(line) < n {
		b.WriteString(line)
	}
	b.WriteString(strings.Repeat(".", max(0, n-b.Len()-1)) + "\n")
}

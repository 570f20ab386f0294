package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/auditflow/auditflow/test/world"
)

// secretCases plant secrets where people leave them.
func secretCases(p *plants) []scenario {
	return []scenario{
		secretParameters(p), nestedSecretParameters(p), tokensInOutput(p), loginsInOutput(p), manifestInOutput(p),
		secretsInError(p), keyInError(p), repeatedPassword(p), secretInLongLog(p), secretInRefusal(p),
	}
}

func secretParameters(p *plants) scenario {
	params := object(
		"password", p.plant("password in a parameter", password()),
		"DB_PASSWORD", p.plant("password with quotes in a parameter", `x"`+password()+`\n/`),
		"passphrase", p.plant("passphrase in a parameter", password()+" "+password()),
		"apiKey", p.plant("API key in a parameter", strong(alnum, 32)),
		"clientSecret", p.plant("client secret in a parameter", strong(urlish, 40)),
		"awsSecretAccessKey", p.plant("AWS secret key in a parameter", strong(base64Letters, 40)),
		"databaseUrl", "postgres://app:"+p.plant("password in a URL in a parameter", strong(alnum, 18))+"@db.prod:5432/orders",
		"replicas", "3",
	)
	return scenario{
		name: "secrets-in-parameters", action: "rotate-credentials", target: deployment("prod-pay", "payments"), params: params,
		plan: world.Plan{Output: "credentials rotated"}, want: completes().masking(),
	}
}

func nestedSecretParameters(p *plants) scenario {
	pw := p.plant("password of Basic authorization in a parameter", password())
	params := object(
		"headers", map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("deployer:"+pw))},
		"config", object("smtp", map[string]string{"password": p.plant("password in JSON inside a parameter", password())}),
		"env", []map[string]string{{"name": "GITHUB_TOKEN", "value": p.plant("GitHub token in an env list", "ghp_"+strong(alnum, 36))}},
		"args", []string{"--user", "deployer", "--password", p.plant("password behind a flag", password())},
		"encoded", map[string]string{"password": base64.StdEncoding.EncodeToString([]byte(p.plant("password in base64 in a parameter", password())))},
	)
	return scenario{
		name: "secrets-deep-down", action: "run-playbook", target: deployment("prod-pay", "ledger"), params: params,
		plan: world.Plan{Output: "playbook finished"}, want: completes().masking(),
	}
}

func tokensInOutput(p *plants) scenario {
	lines := []string{
		"using token " + p.plant("GitLab token in output", "glpat-"+strong(alnum, 20)),
		"export AWS_ACCESS_KEY_ID=" + p.plant("AWS key id in output", "AKIA"+random(upper+"234567", 16)),
		"export AWS_SECRET_ACCESS_KEY=" + p.plant("AWS secret key in output", strong(base64Letters, 40)),
		"slack: " + p.plant("Slack token in output", "xoxb-"+random(digit, 12)+"-"+random(digit, 12)+"-"+strong(alnum, 24)),
		"stripe key " + p.plant("Stripe key in output", "sk_live_"+strong(alnum, 24)),
		"maps key=" + p.plant("Google API key in output", "AIza"+strong(urlish, 35)),
		"//registry.npmjs.org/:_authToken=" + p.plant("npm token in output", "npm_"+strong(alnum, 36)),
		"model key " + p.plant("AI key in output", "sk-ant-api03-"+strong(alnum, 40)),
		"vault " + p.plant("Vault token in output", "hvs."+strong(alnum, 28)),
		"service account " + p.jwt("JWT in output"),
	}
	return scenario{
		name: "tokens-in-output", action: "collect-diagnostics", target: deployment("prod-web", "web"),
		plan: world.Plan{Output: strings.Join(lines, "\n")}, want: completes().masking(),
	}
}

func loginsInOutput(p *plants) scenario {
	header := p.plant("opaque bearer token in output", strong(urlish, 48))
	lines := []string{
		"+ curl -u deployer:" + p.plant("password of curl in output", strong(alnum, 16)) + " https://hooks.example/deploy",
		"> Authorization: Bearer " + header,
		"> Cookie: session=" + p.plant("session cookie in output", strong(alnum, 32)),
		"connecting to redis://cache:" + p.plant("password in a URL in output", strong(alnum, 20)) + "@cache.prod:6379/0",
		"cloning https://" + p.plant("token as user of a URL in output", "ghp_"+strong(alnum, 36)) + "@github.com/example/deploy.git",
		"DB_PASSWORD=" + p.plant("password in an assignment in output", password()),
		`{"level":"info","msg":"login","password":"` + p.plant("password in a JSON log line", password()) + `"}`,
		"+ sshpass -p " + p.plant("password of sshpass in output", strong(alnum, 14)) + " ssh deployer@10.0.0.7",
	}
	return scenario{
		name: "logins-in-output", action: "sync-mirror", target: deployment("prod-tools", "mirror"),
		plan: world.Plan{Output: strings.Join(lines, "\n")}, want: completes().masking(),
	}
}

func manifestInOutput(p *plants) scenario {
	data := p.plant("value in data of a Secret manifest", password())
	text := p.plant("value in stringData of a Secret manifest", password())
	manifest := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: orders-db\ndata:\n  pw: %s\nstringData:\n  connection: %s\n",
		base64.StdEncoding.EncodeToString([]byte(data)), text)
	return scenario{
		name: "secret-manifest", action: "apply-manifest", target: deployment("prod-db", "orders"),
		plan: world.Plan{Output: "applying\n---\n" + manifest}, want: completes().masking(),
	}
}

func secretsInError(p *plants) scenario {
	message := fmt.Sprintf(`dial tcp: authentication failed (dsn "mysql://root:%s@orders.prod:3306/orders", token=%s)`,
		p.plant("password in a URL in an error", strong(alnum, 16)), p.plant("token in an error", strong(alnum, 30)))
	return scenario{
		name: "secrets-in-error", action: "migrate-schema", target: deployment("prod-db", "orders"),
		plan: world.Plan{ExitCodes: []int{1}, Error: message}, want: fails(1, "Error").masking(),
	}
}

func keyInError(p *plants) scenario {
	return scenario{
		name: "private-key-in-error", action: "sync-mirror", target: deployment("prod-tools", "mirror"),
		plan: world.Plan{ExitCodes: []int{255}, Error: "cannot load key:\n" + p.privateKey("private key in an error")},
		want: fails(255, "Error").masking(),
	}
}

// repeatedPassword puts a password into a parameter, and into the output where
// nothing around it tells what it is.
func repeatedPassword(p *plants) scenario {
	pw := p.plant("password repeated without a name in output and error", password())
	return scenario{
		name: "password-repeated", action: "rotate-credentials", target: deployment("prod-pay", "ledger"), params: object("password", pw),
		plan: world.Plan{
			ExitCodes: []int{1},
			Output:    "trying " + pw + "\nand encoded: " + base64.StdEncoding.EncodeToString([]byte(pw)) + "\ndone",
			Error:     "the server did not like " + pw,
		},
		want: fails(1, "Error").masking(),
	}
}

func secretInLongLog(p *plants) scenario {
	secret := "level=debug msg=login password=" + p.plant("password in the middle of a 300 KiB log", password()) + "\n"
	return scenario{
		name: "secret-in-a-long-log", action: "collect-diagnostics", target: deployment("prod-api", "gateway"),
		plan: world.Plan{Output: logLines(150<<10) + secret + logLines(150<<10)}, want: completes().masking(), alone: true,
	}
}

func secretInRefusal(p *plants) scenario {
	want := failsUnknown("JobNotCreated").masking()
	return scenario{
		name: "secret-in-a-refusal", action: "rotate-credentials", target: deployment("prod-pay", "payments"),
		plan: world.Plan{Refusal: "parameter password=" + p.plant("password in a refusal", password()) + " is too old"}, want: want,
	}
}

// object is JSON of names and values that take turns.
func object(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, lists and maps only
	}
	return string(text)
}

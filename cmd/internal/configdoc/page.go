package main

import (
	"io"
	"strings"
	"text/template"

	"github.com/auditflow/auditflow/internal/daemon"
)

// page is what people read. What it says besides the tables is true of any keys
// there may be.
var page = template.Must(template.New("").Funcs(template.FuncMap{
	"takes": takes, "standard": standard, "says": says, "section": isSection,
}).Parse(`<!-- Made by "make generate" from the code; "make lint" fails when it is not up to date. -->

# Configuration

Each program reads one YAML file, ` + "`--config FILE`" + `; ` + "`--validate-config`" + ` checks it, tells every fault at once, and starts nothing.
Keys that do not exist or stand there twice are refused. Values may be in quotes or not, as they come in a ConfigMap. What is left
out has its default. Durations have a unit (` + "`30s`, `5m`" + `); ages may be in days and years as well (` + "`90d`, `7y`" + `, a year of 366 days).
In the chart, these keys go under ` + "`controller.config`, `worker.config` and `api.config`" + ` ([install.md](install.md)). ` + "`auditctl`" + `
reads the worker's file ([auditctl.md](auditctl.md)).

## Every program
{{template "keys" .Shared}}
{{- range .Programs}}

## {{.Name}}
{{template "keys" .Keys}}{{end}}
{{- define "keys"}}
| key | takes | default | |
|---|---|---|---|
{{range .}}| {{if section .}}**` + "`{{.Field}}`" + `**{{else}}` + "`{{.Field}}`" + `{{end}} | {{takes .}} | {{standard .}} | {{says .}} |
{{end}}{{end}}`))

func write(w io.Writer, programs []program) error {
	all, rest := shared(programs)
	return page.Execute(w, map[string]any{"Shared": all, "Programs": rest})
}

func isSection(d daemon.Described) bool { return d.Type == "section" }

func takes(d daemon.Described) string {
	switch {
	case isSection(d):
		return ""
	case d.Bounds != "":
		return cell(d.Type + ": " + d.Bounds)
	}
	return d.Type
}

// standard is what a key is without being given.
func standard(d daemon.Described) string {
	switch {
	case isSection(d), d.Type == "list":
		return ""
	case d.Must:
		return "*required*"
	case d.Default == "":
		return "none"
	}
	return "`" + cell(d.Default) + "`"
}

func says(d daemon.Described) string {
	text := cell(d.Says)
	if d.Env != "" {
		text += ". Outranked by environment variable `" + d.Env + "`"
	}
	if d.Flag {
		text += ". Outranked by flag `--" + strings.ReplaceAll(d.Field, "_", "-") + "`"
	}
	return text
}

func cell(text string) string { return strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(text) }

{{/* Beginning of all names; short enough for what is put behind it. */}}
{{- define "auditflow.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = ternary .Release.Name (printf "%s-auditflow" .Release.Name) (contains "auditflow" .Release.Name) -}}
{{- end -}}
{{- $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels by which pods of one component are found; they never change. */}}
{{- define "auditflow.selector" -}}
app.kubernetes.io/name: auditflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "auditflow.labels" -}}
{{ include "auditflow.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* metadata of an object of one component. */}}
{{- define "auditflow.metadata" -}}
name: {{ include "auditflow.fullname" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "auditflow.labels" . | nindent 2 }}
{{- end -}}

{{- define "auditflow.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Seconds of a duration as 1m30s, rounded up. */}}
{{- define "auditflow.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1 "m" 60 "h" 3600 -}}
{{- $total := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" (toString .) -1 -}}
{{- $total = addf $total (mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- ceil $total | int -}}
{{- end -}}

{{/* Whether the controller works, too. */}}
{{- define "auditflow.embedded" -}}
{{- if and .Values.worker.embedded .Values.worker.enabled .Values.controller.enabled -}}true{{- end -}}
{{- end -}}

{{/* The components that have a Deployment, with spaces between. */}}
{{- define "auditflow.components" -}}
{{- if .Values.controller.enabled }}controller {{ end -}}
{{- if and .Values.worker.enabled (not .Values.worker.embedded) }}worker {{ end -}}
{{- if .Values.api.enabled }}api{{ end -}}
{{- end -}}

{{/* What the chart itself says in the file of each program; the rest is theirs to default. */}}
{{- define "auditflow.config.common" -}}
{{- $v := .Values -}}
keyset_file: /etc/auditflow/keyset/keyset.json
{{- if $v.keyset.tokenSecretName }}
token_keyset_file: /etc/auditflow/token-keyset/token-keyset.json
{{- end }}
{{- if $v.keyset.kms.uri }}
keyset_kms_uri: {{ $v.keyset.kms.uri | quote }}
keyset_kms_token_file: /etc/auditflow/kms-token/token
{{- if $v.keyset.kms.caSecretName }}
keyset_kms_ca_file: /etc/auditflow/kms-ca/ca.crt
{{- end }}
{{- end }}
{{- if $v.redactionPolicy }}
redaction_policy_file: /etc/auditflow/policy/policy.yaml
{{- end }}
temporal:
  address: {{ $v.temporal.address | quote }}
  namespace: {{ $v.temporal.namespace | quote }}
  {{- if $v.temporal.apiKeySecretName }}
  api_key_file: /etc/auditflow/temporal-api-key/api-key
  {{- end }}
  {{- with $v.temporal.tls }}
  {{- if or .enabled .serverName .caSecretName .clientSecretName }}
  tls:
    enabled: true
    {{- with .serverName }}
    server_name: {{ . | quote }}
    {{- end }}
    {{- if .caSecretName }}
    ca_file: /etc/auditflow/temporal-ca/ca.crt
    {{- end }}
    {{- if .clientSecretName }}
    cert_file: /etc/auditflow/temporal-tls/tls.crt
    key_file: /etc/auditflow/temporal-tls/tls.key
    {{- end }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "auditflow.config.controller" -}}
cluster: {{ .Values.cluster | quote }}
listen: ":8080"
{{ include "auditflow.config.common" . }}
{{- end -}}

{{- define "auditflow.config.worker" -}}
{{- $v := .Values -}}
listen: ":8080"
{{ include "auditflow.config.common" . }}
{{- if $v.database.writer.passwordKey }}
database:
  password_file: /etc/auditflow/database-writer/password
{{- end }}
{{- $password := and $v.database.maintainer.secretName $v.database.maintainer.passwordKey }}
{{- if or $password $v.archive.bucketURL }}
maintenance:
  {{- if $password }}
  database_password_file: /etc/auditflow/database-maintainer/password
  {{- end }}
  {{- if $v.archive.bucketURL }}
  archive:
    bucket_url: {{ $v.archive.bucketURL | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "auditflow.config.api" -}}
{{- $v := .Values -}}
cluster: {{ $v.cluster | quote }}
listen: ":8085"
{{ include "auditflow.config.common" . }}
auth:
  kubernetes: {{ $v.api.auth.kubernetes }}
  {{- if $v.api.auth.kubernetesAudience }}
  kubernetes_audience: {{ $v.api.auth.kubernetesAudience | quote }}
  {{- end }}
  {{- if $v.api.auth.tokensSecretName }}
  tokens_file: /etc/auditflow/tokens/tokens
  {{- end }}
  {{- if $v.api.auth.clientCASecretName }}
  client_ca_file: /etc/auditflow/client-ca/ca.crt
  {{- end }}
{{- if $v.api.tls.secretName }}
tls:
  cert_file: /etc/auditflow/tls/tls.crt
  key_file: /etc/auditflow/tls/tls.key
{{- end }}
{{- if and $v.database.reader.secretName $v.database.reader.passwordKey }}
database:
  password_file: /etc/auditflow/database-reader/password
{{- end }}
{{- end -}}

{{/* The whole file of a component: what its values say, and what the chart says. */}}
{{- define "auditflow.config" -}}
{{- $own := get (get .root.Values .component) "config" | deepCopy -}}
{{- $ours := include (printf "auditflow.config.%s" .component) .root | fromYaml -}}
{{- if hasKey $ours "Error" }}{{ fail (printf "configuration of %s: %s" .component $ours.Error) }}{{ end -}}
{{- mergeOverwrite $own $ours | toYaml -}}
{{- end -}}

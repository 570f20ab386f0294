{{/*
The files a component has, as a list of {name, path, source}: volumes and mounts are both
made of it. No subPath: files that are followed must change when their Secret does.
*/}}
{{- define "auditflow.files" -}}
{{- $v := .root.Values -}}
{{- $works := or (eq .component "worker") (and (eq .component "controller") (include "auditflow.embedded" .root)) -}}
{{- $full := include "auditflow.fullname" .root -}}
- name: config
  path: /etc/auditflow/config
  source:
    projected:
      sources:
        - configMap: {name: {{ $full }}-{{ .component }}}
        {{- if and $works (eq .component "controller") }}
        - configMap: {name: {{ $full }}-worker}
        {{- end }}
{{ include "auditflow.file" (list "keyset" $v.keyset.secretName $v.keyset.key "keyset.json") }}
{{- include "auditflow.file" (list "token-keyset" $v.keyset.tokenSecretName $v.keyset.tokenKey "token-keyset.json") }}
{{- include "auditflow.file" (list "kms-token" $v.keyset.kms.tokenSecretName $v.keyset.kms.tokenKey "token") }}
{{- include "auditflow.file" (list "kms-ca" $v.keyset.kms.caSecretName $v.keyset.kms.caKey "ca.crt") }}
{{- include "auditflow.file" (list "temporal-ca" $v.temporal.tls.caSecretName $v.temporal.tls.caKey "ca.crt") }}
{{- include "auditflow.file" (list "temporal-tls" $v.temporal.tls.clientSecretName) }}
{{- include "auditflow.file" (list "temporal-api-key" $v.temporal.apiKeySecretName $v.temporal.apiKeyKey "api-key") }}
{{- if $v.redactionPolicy }}
- name: policy
  path: /etc/auditflow/policy
  source:
    configMap: {name: {{ $full }}-policy}
{{- end }}
{{- if $works }}
{{- include "auditflow.passwordFile" (list "writer" $v.database.writer) }}
{{- include "auditflow.passwordFile" (list "maintainer" $v.database.maintainer) }}
{{- end }}
{{- if eq .component "api" }}
{{- include "auditflow.passwordFile" (list "reader" $v.database.reader) }}
{{- include "auditflow.file" (list "tokens" $v.api.auth.tokensSecretName $v.api.auth.tokensKey "tokens") }}
{{- include "auditflow.file" (list "client-ca" $v.api.auth.clientCASecretName $v.api.auth.clientCAKey "ca.crt") }}
{{- include "auditflow.file" (list "tls" $v.api.tls.secretName) }}
{{- end }}
{{- if or $works (and (eq .component "api") $v.database.reader.secretName) }}
{{- include "auditflow.file" (list "database-tls" $v.database.tlsSecretName) }}
{{- end }}
{{- if $works }}
- name: tmp
  path: /tmp
  writable: true
  source:
    emptyDir: {sizeLimit: {{ $v.worker.temporarySize }}}
{{- if $v.archive.claimName }}
- name: archive
  path: /var/lib/auditflow/archive
  writable: true
  source:
    persistentVolumeClaim: {claimName: {{ $v.archive.claimName }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* One Secret below /etc/auditflow: its name there, the Secret, and the key and file, or all. */}}
{{- define "auditflow.file" -}}
{{- if index . 1 }}
- name: {{ index . 0 }}
  path: /etc/auditflow/{{ index . 0 }}
  source:
    secret:
      secretName: {{ index . 1 }}
      defaultMode: 0440
      {{- if gt (len .) 2 }}
      items: [{key: {{ index . 2 | quote }}, path: {{ index . 3 }}}]
      {{- end }}
{{- end }}
{{- end -}}

{{- define "auditflow.passwordFile" -}}
{{- $login := index . 1 -}}
{{- if and $login.secretName $login.passwordKey }}
{{- include "auditflow.file" (list (printf "database-%s" (index . 0)) $login.secretName $login.passwordKey "password") }}
{{- end }}
{{- end -}}

{{/* Environment: logins, and what the bucket wants. */}}
{{- define "auditflow.env" -}}
{{- $v := .root.Values -}}
{{- if or (eq .component "worker") (and (eq .component "controller") (include "auditflow.embedded" .root)) }}
{{- include "auditflow.url" (list "AUDITFLOW_DATABASE_URL" $v.database.writer) }}
{{- include "auditflow.url" (list "AUDITFLOW_MAINTENANCE_DATABASE_URL" $v.database.maintainer) }}
{{- else if eq .component "api" }}
{{- include "auditflow.url" (list "AUDITFLOW_DATABASE_URL" $v.database.reader) }}
{{- end }}
{{- end -}}

{{- define "auditflow.url" -}}
{{- $login := index . 1 -}}
{{- if $login.secretName }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef: {name: {{ $login.secretName }}, key: {{ $login.urlKey | quote }}}
{{- end }}
{{- end -}}

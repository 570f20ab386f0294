{{/* What the restricted level of Pod Security asks for, and more: nothing but mounts is writable. */}}
{{- define "auditflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "auditflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* A new pod where its configuration is another; Secrets are followed, see values.yaml. */}}
{{- define "auditflow.checksum" -}}
{{- $text := include "auditflow.config" . -}}
{{- if and (eq .component "controller") (include "auditflow.embedded" .root) -}}
{{- $text = printf "%s\n%s" $text (include "auditflow.config" (dict "root" .root "component" "worker")) -}}
{{- end -}}
{{- printf "%s\n%s" $text .root.Values.redactionPolicy | sha256sum -}}
{{- end -}}

{{- define "auditflow.probe" -}}
httpGet: {path: {{ .path }}, port: http{{ if .https }}, scheme: HTTPS{{ end }}}
periodSeconds: {{ .period }}
timeoutSeconds: 5
failureThreshold: 3
{{- end -}}

{{- define "auditflow.spread" -}}
{{- if .root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- $component := . }}
  {{- range .root.Values.topologySpread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "auditflow.selector" $component | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/*
The Deployment of a component: root, component, replicas (none: somebody scales it), args,
port, https, token (of the ServiceAccount), grace (seconds to end), pause (before it begins to).
*/}}
{{- define "auditflow.deployment" -}}
{{- $values := get .root.Values .component -}}
{{- $files := include "auditflow.files" . | fromYamlArray -}}
{{- $env := include "auditflow.env" . | trim -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "auditflow.metadata" . | nindent 2 }}
spec:
  {{- with .replicas }}
  replicas: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "auditflow.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "auditflow.labels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ include "auditflow.checksum" . }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "auditflow.fullname" .root }}-{{ .component }}
      automountServiceAccountToken: {{ .token }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      securityContext:
        {{- include "auditflow.podSecurity" . | nindent 8 }}
      {{- with include "auditflow.placement" (dict "root" .root "values" $values) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "auditflow.spread" . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "auditflow.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [/usr/local/bin/{{ .component }}]
          args: {{ toJson .args }}
          {{- if $env }}
          env:
            {{- $env | nindent 12 }}
          {{- end }}
          {{- if and .bucket .root.Values.archive.credentialsSecretName }}
          envFrom:
            - secretRef: {name: {{ .root.Values.archive.credentialsSecretName }}}
          {{- end }}
          ports:
            - {name: http, containerPort: {{ .port }}, protocol: TCP}
          livenessProbe:
            {{- include "auditflow.probe" (dict "path" "/healthz" "https" .https "period" 10) | nindent 12 }}
          readinessProbe:
            {{- include "auditflow.probe" (dict "path" "/readyz" "https" .https "period" 5) | nindent 12 }}
          {{- with .pause }}
          lifecycle:
            preStop: {sleep: {seconds: {{ . }}}}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "auditflow.containerSecurity" . | nindent 12 }}
          volumeMounts:
            {{- range $files }}
            - {name: {{ .name }}, mountPath: {{ .path }}{{ if not .writable }}, readOnly: true{{ end }}}
            {{- end }}
      volumes:
        {{- range $files }}
        - {{ merge (dict "name" .name) .source | toYaml | nindent 10 | trim }}
        {{- end }}
{{- end -}}

{{/* Where pods run, and from which registry. */}}
{{- define "auditflow.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

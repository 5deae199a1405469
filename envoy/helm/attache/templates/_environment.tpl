{{/* What the ${…} of the configuration stand for. */}}
{{- define "attache.environment" -}}
{{- with include "attache.secret" . -}}
envFrom:
  - secretRef: { name: {{ . }} }
{{ end -}}
{{- with .Values.extraEnv -}}
env: {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{- define "attache.name" -}}
{{- ternary .Release.Name (printf "%s-attache" .Release.Name) (contains "attache" .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "attache.selector" -}}
app.kubernetes.io/name: attache
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "attache.labels" -}}
{{ include "attache.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "attache.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "attache.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "attache.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ default (index . 1) $image.tag }}{{ end }}
{{- end }}

{{- define "attache.secret" -}}
{{- if .Values.existingSecret }}{{ .Values.existingSecret }}{{ else if .Values.secret }}{{ include "attache.name" . }}{{ end }}
{{- end }}

{{/* attache.yaml: what is written, with the addresses of these pods. */}}
{{- define "attache.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $service := default dict $config.service | deepCopy -}}
{{- $envoy := default dict $config.envoy | deepCopy -}}
{{- $_ := set $service "admin" "0.0.0.0:9090" -}}
{{- $_ := set $service "drain_seconds" .Values.drainSeconds -}}
{{- if eq .Values.topology "sidecar" -}}
{{- $_ := set $config "listen" "0.0.0.0:10000" -}}
{{- $_ := set $service "grpc" "unix:/run/attache/attache.sock" -}}
{{- $_ := set $envoy "admin" "127.0.0.1:9901" -}}
{{- else -}}
{{- $_ := set $service "grpc" "0.0.0.0:9002" -}}
{{- $_ := set $envoy "service" (printf "%s.%s.svc:9002" (include "attache.name" .) .Release.Namespace) -}}
{{- end -}}
{{- $_ := set $config "service" $service -}}
{{- $_ := set $config "envoy" $envoy -}}
{{ toYaml $config }}
{{- end }}

{{- define "attache.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

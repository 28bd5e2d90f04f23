{{/* The name of all objects. */}}
{{- define "streeling.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What all objects have, and by what pods are selected: it must never change in a release. */}}
{{- define "streeling.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ include "streeling.fullname" . }}
{{- end -}}

{{- define "streeling.image" -}}
{{- with .Values.image -}}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The pre-stop hook, the drain, and 5 seconds to write the last log lines and spans. */}}
{{- define "streeling.gracePeriod" -}}
{{- add .Values.preStopSeconds .Values.server.gracefulTimeout 5 -}}
{{- end -}}

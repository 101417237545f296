{{- define "changewell.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, with the chart's unless it is in it. Short enough for the headless Service's suffix. */}}
{{- define "changewell.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "changewell.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "changewell.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* A text that helm may have taken for a number or for true. */}}
{{- define "changewell.text" -}}
{{- ternary . (toJson .) (kindIs "string" .) -}}
{{- end -}}

{{/* Texts by name, as labels and annotations are. */}}
{{- define "changewell.texts" -}}
{{- $texts := dict -}}
{{- range $name, $text := . -}}
{{- $_ := set $texts $name (include "changewell.text" $text) -}}
{{- end -}}
{{- toYaml $texts -}}
{{- end -}}

{{/* What tells this cluster's pods from all others: it never changes. */}}
{{- define "changewell.selector" -}}
app.kubernetes.io/name: {{ include "changewell.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "changewell.peerSecret" -}}
{{- default (printf "%s-peer-tls" (include "changewell.fullname" .)) .Values.tls.peers.secretName -}}
{{- end -}}

{{- define "changewell.apiSecret" -}}
{{- default (printf "%s-api-tls" (include "changewell.fullname" .)) .Values.tls.api.secretName -}}
{{- end -}}

{{- define "changewell.labels" -}}
{{ include "changewell.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "trail-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "trail-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "trail-operator.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "trail-operator.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "trail-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "trail-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "trail-operator.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "trail-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "trail-operator.labels" -}}
{{ include "trail-operator.ownLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels of one object, of a list of the chart and what is to stand beside or in place of those of all. */}}
{{- define "trail-operator.labelsAnd" -}}
{{- $own := include "trail-operator.ownLabels" (index . 0) | fromYaml -}}
{{- $given := merge (dict) (index . 1) (index . 0).Values.commonLabels -}}
{{- range $name, $_ := $given -}}
{{- if hasKey $own $name -}}
{{- fail (printf "commonLabels, podLabels, labels: %s is the chart's own, by which it finds what it has made" $name) -}}
{{- end -}}
{{- end -}}
{{- toYaml (merge $own $given) -}}
{{- end -}}

{{- define "trail-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "trail-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "trail-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "trail-operator.leaseName" -}}
{{- default (include "trail-operator.fullname" .) .Values.leaseName -}}
{{- end -}}

{{- define "trail-operator.leaseNamespace" -}}
{{- default .Release.Namespace .Values.leaseNamespace -}}
{{- end -}}

{{/* What the operator does to Trails and beside them, wherever it watches: exactly this, and nothing more. */}}
{{- define "trail-operator.rules" -}}
# Read and watch; patch puts the finalizer on and takes it off.
- apiGroups: [trail-operator.dev]
  resources: [trails]
  verbs: [get, list, watch, patch]
# Conditions and what was found.
- apiGroups: [trail-operator.dev]
  resources: [trails/status]
  verbs: [patch]
# Events about Trails, and in the namespace default about AWSAccounts; patch counts what happens again.
{{ include "trail-operator.eventRules" . }}
{{- end -}}

{{- define "trail-operator.eventRules" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* The name of what is not in a namespace: releases of one name in several namespaces do not share it. */}}
{{- define "trail-operator.clusterName" -}}
{{- $name := include "trail-operator.fullname" . -}}
{{- if .Values.watchNamespaces -}}
{{- printf "%s:%s" .Release.Namespace $name -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* What the operator needs in the whole cluster, wherever it watches Trails. */}}
{{- define "trail-operator.clusterRules" -}}
# Read and watch; patch puts the finalizer on and takes it off.
- apiGroups: [trail-operator.dev]
  resources: [awsaccounts]
  verbs: [list, watch, patch]
# Conditions and which trails there are.
- apiGroups: [trail-operator.dev]
  resources: [awsaccounts/status]
  verbs: [patch]
# Their labels open AWSAccounts to them.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
# Its UID names the cluster in the owner tags; where clusterName does, in those from before it was set.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end -}}

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

{{/* The labels of an object: those of the chart, then those that are added or replaced. */}}
{{- define "trail-operator.labelsAnd" -}}
{{- $own := include "trail-operator.ownLabels" (index . 0) | fromYaml -}}
{{- $given := merge (dict) (index . 1) (index . 0).Values.commonLabels -}}
{{- range $name, $_ := $given -}}
{{- if hasKey $own $name -}}
{{- fail (printf "commonLabels, podLabels, labels: %s is reserved for the chart" $name) -}}
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

{{/* The operator's permissions in the namespaces that it watches. */}}
{{- define "trail-operator.rules" -}}
# Read and watch; patch adds and removes the finalizer.
- apiGroups: [trail-operator.dev]
  resources: [trails]
  verbs: [get, list, watch, patch]
# Conditions and observed state.
- apiGroups: [trail-operator.dev]
  resources: [trails/status]
  verbs: [patch]
# The same for TrailAlarmSets.
- apiGroups: [trail-operator.dev]
  resources: [trailalarmsets]
  verbs: [get, list, watch, patch]
- apiGroups: [trail-operator.dev]
  resources: [trailalarmsets/status]
  verbs: [patch]
# Events of both, and in the namespace default of AWSAccounts; patch counts repetitions.
{{ include "trail-operator.eventRules" . }}
{{- end -}}

{{- define "trail-operator.eventRules" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* The name of cluster-scoped objects, different for releases of the same name in several namespaces. */}}
{{- define "trail-operator.clusterName" -}}
{{- $name := include "trail-operator.fullname" . -}}
{{- if .Values.watchNamespaces -}}
{{- printf "%s:%s" .Release.Namespace $name -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* The operator's permissions in the whole cluster, whichever namespaces it watches. */}}
{{- define "trail-operator.clusterRules" -}}
# Read and watch; patch adds and removes the finalizer.
- apiGroups: [trail-operator.dev]
  resources: [awsaccounts]
  verbs: [list, watch, patch]
# Conditions and the list of trails.
- apiGroups: [trail-operator.dev]
  resources: [awsaccounts/status]
  verbs: [patch]
# allowedNamespaces of an AWSAccount selects them by label.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
# Its UID is the cluster's name in owner tags, if clusterName is not set or was set later.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end -}}

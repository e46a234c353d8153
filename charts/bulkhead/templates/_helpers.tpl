{{/* Names. Everything that is cluster-scoped carries the release's full name, so that two releases can
     stand side by side. */}}
{{- define "bulkhead.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "bulkhead.fullname" -}}
{{- $name := include "bulkhead.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "bulkhead.controller.name" -}}
{{ include "bulkhead.fullname" . }}-controller
{{- end }}

{{- define "bulkhead.relay.name" -}}
{{ include "bulkhead.fullname" . }}-relay
{{- end }}

{{- define "bulkhead.provisioner.name" -}}
{{ include "bulkhead.fullname" . }}-provisioner
{{- end }}

{{- define "bulkhead.provisioner.serviceAccount" -}}
{{- with .Values.provisioner.serviceAccount }}
{{- if .create }}{{ default (include "bulkhead.provisioner.name" $) .name }}{{ else }}{{ default "default" .name }}{{ end }}
{{- end }}
{{- end }}

{{- define "bulkhead.controller.serviceAccount" -}}
{{- with .Values.controller.serviceAccount }}
{{- if .create }}{{ default (include "bulkhead.controller.name" $) .name }}{{ else }}{{ default "default" .name }}{{ end }}
{{- end }}
{{- end }}

{{- define "bulkhead.relay.serviceAccount" -}}
{{- with .Values.relay.serviceAccount }}
{{- if .create }}{{ default (include "bulkhead.relay.name" $) .name }}{{ else }}{{ default "default" .name }}{{ end }}
{{- end }}
{{- end }}

{{/* Metadata. Call with a list: the root, the component. */}}
{{- define "bulkhead.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
{{ include "bulkhead.selector" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bulkhead.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "bulkhead.name" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "bulkhead.annotations" -}}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image of a part: a list of the root and the part's `image`. The digest wins over the tag. */}}
{{- define "bulkhead.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- $registry := $root.Values.global.imageRegistry | trimSuffix "/" }}
{{- $repository := ternary $image.repository (printf "%s/%s" $registry $image.repository) (empty $registry) }}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ default $root.Chart.AppVersion $image.tag }}
{{- end }}
{{- end }}

{{/* How a part logs in to NATS: its own Secret, or the one for all. Each of the templates about NATS
     takes a list of the root and the part's own `natsCreds`. */}}
{{- define "bulkhead.natsLogin" -}}
{{- $own := index . 1 }}
{{- ternary $own (index . 0).Values.nats.creds (not (empty $own.existingSecret)) | toJson }}
{{- end }}

{{- define "bulkhead.natsArgs" -}}
{{- $root := index . 0 }}
{{- $login := include "bulkhead.natsLogin" . | fromJson }}
{{- $tls := $root.Values.nats.tls }}
{{- if not (and $login.existingSecret $login.urlKey) }}
- {{ printf "--nats-url=%s" $root.Values.nats.url | quote }}
{{- if and $login.existingSecret $login.nkeyKey }}
- --nats-nkey=/etc/bulkhead/nats-creds/nats.nk
{{- else if $login.existingSecret }}
- --nats-creds=/etc/bulkhead/nats-creds/nats.creds
{{- end }}
{{- end }}
{{- if $tls.existingSecret }}
{{- if $tls.caKey }}
- --nats-ca=/etc/bulkhead/nats-tls/ca.crt
{{- end }}
{{- if $tls.certKey }}
- --nats-cert=/etc/bulkhead/nats-tls/tls.crt
- --nats-key=/etc/bulkhead/nats-tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{/* An address with user and password stands in the environment, never in the arguments. A third
     member of the list is the variable's name. */}}
{{- define "bulkhead.natsEnv" -}}
{{- $login := include "bulkhead.natsLogin" . | fromJson }}
{{- if and $login.existingSecret $login.urlKey }}
- name: {{ index . 2 }}
  valueFrom:
    secretKeyRef:
      name: {{ $login.existingSecret | quote }}
      key: {{ $login.urlKey | quote }}
{{- end }}
{{- end }}

{{- define "bulkhead.natsMounts" -}}
{{- $login := include "bulkhead.natsLogin" . | fromJson }}
{{- if and $login.existingSecret (not $login.urlKey) }}
- name: nats-creds
  mountPath: /etc/bulkhead/nats-creds
  readOnly: true
{{- end }}
{{- if (index . 0).Values.nats.tls.existingSecret }}
- name: nats-tls
  mountPath: /etc/bulkhead/nats-tls
  readOnly: true
{{- end }}
{{- end }}

{{- define "bulkhead.natsVolumes" -}}
{{- $login := include "bulkhead.natsLogin" . | fromJson }}
{{- $tls := (index . 0).Values.nats.tls }}
{{- if and $login.existingSecret (not $login.urlKey) }}
- name: nats-creds
  secret:
    secretName: {{ $login.existingSecret | quote }}
    defaultMode: 0444
    items:
    {{- if $login.nkeyKey }}
    - key: {{ $login.nkeyKey | quote }}
      path: nats.nk
    {{- else }}
    - key: {{ $login.key | quote }}
      path: nats.creds
    {{- end }}
{{- end }}
{{- if $tls.existingSecret }}
- name: nats-tls
  secret:
    secretName: {{ $tls.existingSecret | quote }}
    defaultMode: 0444
    items:
    {{- with $tls.caKey }}
    - key: {{ . | quote }}
      path: ca.crt
    {{- end }}
    {{- with $tls.certKey }}
    - key: {{ . | quote }}
      path: tls.crt
    - key: {{ required "nats.tls.keyKey must be set with nats.tls.certKey" $tls.keyKey | quote }}
      path: tls.key
    {{- end }}
{{- end }}
{{- end }}

{{/* What is said about the outbox, to the relay and to the migration alike: a list of `relay` and one of
     its databases. */}}
{{- define "bulkhead.outboxArgs" -}}
{{- $database := index . 1 }}
{{- $outbox := default dict $database.outbox }}
{{- with default (index . 0).onPublished $database.onPublished }}
- --on-published={{ . }}
{{- end }}
{{- with $outbox.table }}
- {{ printf "--table=%s" . | quote }}
{{- end }}
{{- range $column, $name := $outbox.columns }}
- {{ printf "--column-%s=%s" (kebabcase $column) $name | quote }}
{{- end }}
{{- with $outbox.statusPending }}
- {{ printf "--status-pending=%s" . | quote }}
{{- end }}
{{- with $outbox.statusPublished }}
- {{ printf "--status-published=%s" . | quote }}
{{- end }}
{{- end }}

{{/* What all parts have in their containers: a list of the root, the part's values, its component. */}}
{{- define "bulkhead.container" -}}
{{- $part := index . 1 -}}
image: {{ include "bulkhead.image" (list (index . 0) $part.image) | quote }}
imagePullPolicy: {{ $part.image.pullPolicy }}
ports:
- name: http
  containerPort: 8080
  protocol: TCP
{{- if eq (index . 2) "provisioner" }}
- name: webhook
  containerPort: 8443
  protocol: TCP
{{- end }}
startupProbe:
  httpGet: {path: /livez, port: http}
  {{- toYaml $part.startupProbe | nindent 2 }}
livenessProbe:
  httpGet: {path: /livez, port: http}
  {{- toYaml $part.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: http}
  {{- toYaml $part.readinessProbe | nindent 2 }}
resources:
  {{- toYaml $part.resources | nindent 2 }}
securityContext:
  {{- toYaml $part.securityContext | nindent 2 }}
{{- with $part.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What all parts have in their pods: the same list. */}}
{{- define "bulkhead.pod" -}}
{{- $root := index . 0 }}
{{- $part := index . 1 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $part.podSecurityContext | nindent 2 }}
terminationGracePeriodSeconds: {{ $part.terminationGracePeriodSeconds }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A list of the part's values and the labels that select its pods. */}}
{{- define "bulkhead.topologySpread" -}}
{{- $part := index . 0 }}
{{- $selector := index . 1 }}
{{- if $part.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $part.topologySpreadConstraints | nindent 2 }}
{{- else if $part.topologySpread }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{/* `actions` of a policy: Deny without Warn tells twice, so the API server refuses both together. */}}
{{- define "bulkhead.validationActions" -}}
{{- if and (has "Deny" .) (has "Warn" .) }}{{ fail "actions of an admission policy must not hold Deny and Warn together" }}{{ end }}
{{- toJson . }}
{{- end }}

#!/bin/bash
# Renders deploy/helm/changewell with a real helm into test/kubernetes/chart, where the tests read it: after a change of the
# chart. Helm is the one on the path, or HELM; `go install helm.sh/helm/v3/cmd/helm@v3.14.4` makes one.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly HELM="${HELM:-helm}"
readonly CHART=deploy/helm/changewell
readonly OUT=test/kubernetes/chart

"$HELM" lint "$CHART"
"$HELM" template changewell "$CHART" --namespace space --kube-version 1.21.0 > "$OUT/default.yaml"
"$HELM" template green "$CHART" --namespace space --kube-version 1.21.0 --values "$OUT/everything.values" > "$OUT/everything.yaml"
"$HELM" template 123 "$CHART" --namespace space --kube-version 1.21.0 --values "$OUT/awkward.values" > "$OUT/awkward.yaml"

# What helm says of values that it must not take.
for wrong in replica=5 tls.api.enable=true replicas=three ports.api=70000 antiAffinity=none 'env[0].name=A,env[0].value=1' \
  auth.tokens=tokens auth.secretName=access; do
  echo "--set $wrong"
  if "$HELM" template changewell "$CHART" --kube-version 1.21.0 --set "$wrong" 2>&1 > /dev/null; then exit 1; fi
done > "$OUT/refusals"

# Helm shows the notes only to whoever installs the chart, so they are rendered as the text of an object.
COPY="$(mktemp -d)"
trap 'rm -r "$COPY"' EXIT
cp -r "$CHART/." "$COPY"
{ echo '{{ define "notes" }}'; cat "$CHART/templates/NOTES.txt"; echo '{{ end }}notes: |'; echo '{{ include "notes" . | indent 2 }}'; } \
  > "$COPY/templates/notes.yaml"
"$HELM" template changewell "$COPY" --namespace space --kube-version 1.21.0 --show-only templates/notes.yaml > "$OUT/default.notes"
"$HELM" template green "$COPY" --namespace space --kube-version 1.21.0 --values "$OUT/everything.values" \
  --show-only templates/notes.yaml > "$OUT/everything.notes"

node --import=tsx --eval "import('./test/deploy/objects.ts').then(({ chartFingerprint }) => console.log(chartFingerprint()))" > "$OUT/fingerprint"

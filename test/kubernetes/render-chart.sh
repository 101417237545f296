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
node --import=tsx --eval "import('./test/deploy/objects.ts').then(({ chartFingerprint }) => console.log(chartFingerprint()))" > "$OUT/fingerprint"

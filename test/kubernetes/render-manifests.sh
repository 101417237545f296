#!/bin/bash
# Renders the kustomizations in test/kubernetes/kustomize, which take in deploy/kubernetes, with a real kustomize, and keeps
# what comes of it beside them, where the tests read it: after a change of the manifests. Kustomize is the one in the kubectl
# on the path, or KUBECTL.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly HERE=test/kubernetes/kustomize

for which in everything insecure-peers; do
  "${KUBECTL:-kubectl}" kustomize "$HERE/$which" > "$HERE/$which.yaml"
done
node --import=tsx --eval "import('./test/deploy/objects.ts').then(({ manifestsFingerprint }) => console.log(manifestsFingerprint()))" > "$HERE/fingerprint"

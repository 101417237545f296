#!/bin/bash
# Builds a real kube-apiserver from Debian's source package, once, into a cache folder outside the repository, and prints
# that folder: it holds bin/kube-apiserver and bin/etcd. Nothing is installed system-wide. A second run finds the binaries
# and ends at once. Needs Debian 12 (or one that still has the package), dpkg-dev, and room for about 3 GB while it builds.
#
#   test/kubernetes/build-apiserver.sh [folder]     default: ${XDG_CACHE_HOME:-~/.cache}/changewell/kube-apiserver
#   BUILD_JOBS=2                                    how many compilers at once; default: one a core
set -euo pipefail

readonly VERSION='1.20.5+really1.20.2-1.1+deb12u1'
readonly GIT_VERSION='v1.20.2'
readonly GO_PACKAGES='golang-1.19-go golang-1.19-src'
readonly CACHE="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/changewell/kube-apiserver}"
readonly JOBS="${BUILD_JOBS:-$(nproc)}"
readonly BIN="$CACHE/bin"

say() { echo "build-apiserver: $*" >&2; }

# The version stands in the file's name, so that another version is another build.
readonly DONE="$CACHE/built-$VERSION"
if [ -e "$DONE" ] && [ -x "$BIN/kube-apiserver" ] && [ -x "$BIN/etcd" ]; then
  echo "$CACHE"
  exit 0
fi

mkdir -p "$CACHE" "$BIN"
# Two suites that start at once build once: the second waits, and then finds everything.
exec 9> "$CACHE/lock"
flock 9
if [ -e "$DONE" ]; then
  echo "$CACHE"
  exit 0
fi

readonly WORK="$CACHE/work"
readonly STARTED=$SECONDS
mkdir -p "$WORK"

# apt with source lines, in a folder of its own: the machine's lists and sources stay as they are. The sources are the
# machine's own Debian sources, of whichever of the two forms, with deb-src beside deb.
private_apt() {
  local apt="$WORK/apt"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts"
  : > "$apt/sources.list"
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -e "$file" ]; then
      { grep -E '^deb .*debian' "$file" || true; } | sed -e 'p' -e 's/^deb /deb-src /' >> "$apt/sources.list"
    fi
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    if [ -e "$file" ] && grep -q -i '^URIs:.*debian' "$file"; then
      sed -E 's/^Types:.*/Types: deb deb-src/' "$file" > "$apt/parts/$(basename "$file")"
    fi
  done
  cat > "$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Retries "3";
APT::Sandbox::User "root";
CONF
  export APT_CONFIG="$apt/apt.conf"
}

fetch() {
  mkdir -p "$WORK/download"
  cd "$WORK/download"
  private_apt
  say 'reading the package lists'
  apt-get update -qq >&2
  say "fetching the source package kubernetes $VERSION and Debian's Go 1.19 and etcd"
  apt-get source -qq --download-only "kubernetes=$VERSION" >&2
  # shellcheck disable=SC2086 # a list of names
  apt-get download -qq $GO_PACKAGES etcd-server >&2
  local package
  for package in *.deb; do
    dpkg -x "$package" "$WORK/root"
  done
}

unpack() {
  export GOPATH="$WORK/gopath"
  readonly SOURCE="$GOPATH/src/k8s.io/kubernetes"
  if [ ! -e "$WORK/unpacked" ]; then
    rm -rf "$SOURCE"
    mkdir -p "$(dirname "$SOURCE")"
    say 'unpacking'
    dpkg-source --no-check -x "$WORK"/download/kubernetes_*.dsc "$SOURCE" >&2
    touch "$WORK/unpacked"
  fi
}

go_environment() {
  # Debian's package splits Go over two folders that link to each other by absolute paths; here they become one.
  export GOROOT="$WORK/goroot"
  if [ ! -e "$WORK/goroot-made" ]; then
    rm -rf "$GOROOT"
    mkdir -p "$GOROOT"
    cp -a "$WORK/root/usr/lib/go-1.19/." "$GOROOT/"
    find "$GOROOT" -type l -delete
    cp -a "$WORK/root/usr/share/go-1.19/." "$GOROOT/"
    touch "$WORK/goroot-made"
  fi
  export PATH="$GOROOT/bin:$PATH"
  export GO111MODULE=off GOPROXY=off CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local
  export GOCACHE="$WORK/gocache" GOTMPDIR="$WORK" GOMAXPROCS="$JOBS"
  unset GOBIN
  go version >&2
}

# Debian's tree lacks this one generated file.
openapi() {
  local packages
  packages=$(cd "$SOURCE" && grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=' pkg cmd plugin staging/src \
    | grep -vE '/(tests?|testdata|code-generator|sample-apiserver)/|_test\.go$|kube-openapi/test' \
    | xargs -n1 dirname | sort -u | sed -e 's#^staging/src/##' -e '/^k8s\.io/!s#^#k8s.io/kubernetes/#' | paste -sd,)
  say 'generating the OpenAPI definitions'
  cd "$SOURCE"
  go build -p "$JOBS" -o "$WORK/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  "$WORK/openapi-gen" -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$WORK/openapi-violations" >&2
}

compile() {
  local base flags='-s -w'
  for base in k8s.io/component-base/version k8s.io/kubernetes/vendor/k8s.io/component-base/version; do
    flags="$flags -X $base.gitVersion=$GIT_VERSION -X $base.gitMajor=1 -X $base.gitMinor=20"
  done
  cd "$SOURCE"
  say "compiling with $JOBS at once: some minutes"
  go build -p "$JOBS" -ldflags "$flags" -o "$BIN/kube-apiserver.new" ./cmd/kube-apiserver
  mv "$BIN/kube-apiserver.new" "$BIN/kube-apiserver"
  cp "$WORK/root/usr/bin/etcd" "$BIN/etcd"
}

fetch
unpack
go_environment
openapi
compile
"$BIN/kube-apiserver" --version >&2
touch "$DONE"
# Only the binaries are wanted from here on; the build took the room of a small disk.
rm -rf "$WORK"
say "done in $((SECONDS - STARTED)) s"
echo "$CACHE"

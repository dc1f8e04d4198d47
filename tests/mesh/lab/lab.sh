#!/bin/bash
# A real Kubernetes node with a real Istio on this machine, to try Tidegate in a mesh and to test it there.
#
#   lab.sh up                    a Ready node with cluster DNS; prints `export KUBECONFIG=…`
#   lab.sh istio                 istiod with its webhooks, and the Gateway API's types (ISTIO_SET="--set …" adds options)
#   lab.sh guard [BINARY]        makes the image localhost/tidegate:0.1.0 of target/release/tidegate or BINARY, and loads it
#   lab.sh load TAR…             loads other images
#   lab.sh net NAMESPACE/POD CMD…  runs a program of this machine in that pod's network, behind its sidecar
#   lab.sh sh CMD…               runs a program in the node
#   lab.sh status | down | wipe  wipe forgets the cluster's state too
#
# Run build.sh first. Root only. Pods reach this machine at 10.200.0.1, this machine reaches pods at 10.244.0.0/24;
# nothing gets further.
set -euo pipefail
. "$(dirname "$0")/common.sh"
RUN=$CACHE/run
export KUBECONFIG=$RUN/admin.kubeconfig
. "$HERE/node.sh"

up() {
  mkdir -p "$RUN"
  certificates
  configurations
  namespaces
  control_plane
  worker
  wait_until 60 sh -c "kubectl get node $NODE | grep -q ' Ready'"
  kubectl apply -f "$HERE/coredns.yaml" >/dev/null
  wait_until 60 kubectl -n kube-system rollout status deploy/coredns --timeout=1s
  echo "export KUBECONFIG=$KUBECONFIG"
}

istio() {
  load "$IMG/proxyv2.tar" "$IMG/pilot.tar"
  kubectl apply --server-side -f "$CACHE/gateway-api-crd.yaml" >/dev/null
  # Upstream's Envoy lacks Istio's own filters (stats, alpn, metadata exchange): they are off, all else is as in production.
  # shellcheck disable=SC2086
  "$BIN/istioctl" manifest generate --set profile=minimal --set hub=localhost --set tag=lab --set values.telemetry.enabled=false \
    --set values.pilot.resources.requests.cpu=50m --set values.pilot.resources.requests.memory=128Mi --set values.pilot.autoscaleEnabled=false \
    --set values.pilot.env.PILOT_ENABLE_ALPN_FILTER=false --set values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE=false \
    --set values.pilot.env.PILOT_DISABLE_MX_ALPN=true --set meshConfig.accessLogFile=/dev/stdout \
    --set values.global.proxy.resources.requests.cpu=20m -f "$HERE/../../../istio/injection/istio-operator.yaml" ${ISTIO_SET:-} >"$RUN/istio.yaml" 2>"$RUN/istio.err"
  kubectl create namespace istio-system 2>/dev/null || true
  kubectl apply --server-side --force-conflicts -f "$RUN/istio.yaml" >/dev/null
  kubectl -n istio-system rollout status deploy/istiod --timeout=90s
}

guard() {
  local binary=${1:-$HERE/../../../target/release/tidegate} out=$IMG/tidegate.tar
  # shellcheck disable=SC2046
  python3 "$HERE/image.py" --user 65532:65532 "$out" localhost/tidegate:0.1.0 /tidegate "$binary:/tidegate" $(libraries "$binary")
  load "$out" "$IMG/tool.tar" "$IMG/model.tar"
}

net() {
  local namespace=${1%%/*} pod=${1#*/} id pid; shift
  id=$(kubectl -n "$namespace" get pod "$pod" -o jsonpath='{.status.containerStatuses[0].containerID}'); id=${id#containerd://}
  pid=$(in_node ctr -a $CRI -n k8s.io task ls | awk -v id="$id" '$1 == id {print $2}')
  printf 'nameserver 10.96.0.10\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' "$namespace" >"$RUN/resolv.$namespace"
  in_node nsenter -t "$pid" -n unshare -m bash -c 'mount --bind "$0" /etc/resolv.conf; exec "$@"' "$RUN/resolv.$namespace" "$@"
}

what=${1:-help}; [ $# = 0 ] || shift
case $what in
  up) up;;
  istio) istio;;
  guard) guard "$@";;
  load) load "$@";;
  net) net "$@";;
  sh) in_node "$@";;
  status) kubectl get node,pod -A -o wide;;
  down) node_down;;
  wipe) node_down; rm -rf "$RUN";;
  *) sed -n '2,/^set/{/^set/d;s/^# \?//;p}' "$0"; exit 2;;
esac

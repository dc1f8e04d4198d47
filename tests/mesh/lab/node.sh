# The node: namespaces of its own on this machine, and in them etcd, the API server, the controllers, containerd, the
# kubelet and kube-proxy. Sourced by lab.sh.
#
# No sysctl, firewall rule or mount of the machine changes. Ending the first process of the namespaces ends all.

NODE=tidegate-lab
NODE_IP=10.200.0.2
MACHINE_IP=10.200.0.1
PODS=10.244.0.0/24
SERVICES=10.96.0.0/16
API_PORT=6443
CRI=/run/tidegate-lab/containerd.sock
# The kubelet wants these; on a machine where they differ, files stand in for them inside the node only.
SYSCTLS="vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000"

node_lives() { [ -f "$RUN/node.pid" ] && kill -0 "$(cat "$RUN/node.pid")" 2>/dev/null; }
in_node() { nsenter -t "$(cat "$RUN/node.pid")" -m -n -p -u -i -- "$@"; }
# start NAME CMD…: a daemon in the node, unless it runs already. Its output goes to NAME.log.
# nsenter -p stays as a parent and would keep the caller's stdout open: all three streams are redirected.
start() {
  local name=$1; shift
  if [ -f "$RUN/$name.pid" ] && in_node kill -0 "$(cat "$RUN/$name.pid")" 2>/dev/null; then return; fi
  in_node setsid bash -c 'echo $$ >"$0.pid"; ulimit -n 20000; exec "$@" >>"$0.log" 2>&1' "$RUN/$name" "$@" </dev/null >/dev/null 2>&1 &
  disown; sleep 0.2
}
# wait_until SECONDS CMD…
wait_until() {
  local left=$(($1 * 5)); shift
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1)); [ $left -gt 0 ] || { echo "waited in vain for: $*" >&2; return 1; }
    sleep 0.2
  done
}

# user FILE NAME [GROUP]: a token for NAME, and FILE.kubeconfig with it.
user() {
  local secret; secret=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  echo "$secret,$2,$1,${3:-}" >>tokens.csv
  cat >"$RUN/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://$NODE_IP:$API_PORT", certificate-authority: $RUN/pki/ca.crt}}]
users: [{name: lab, user: {token: $secret}}]
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
current-context: lab
END
  chmod 600 "$RUN/$1.kubeconfig"
}

certificates() {
  mkdir -p "$RUN/pki"; [ -f "$RUN/pki/done" ] && return
  (
    cd "$RUN/pki"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=tidegate-lab \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    openssl req -newkey rsa:2048 -nodes -keyout api.key -out api.csr -subj /CN=kube-apiserver
    cat >api.ext <<END
subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$NODE_IP,IP:10.96.0.1
extendedKeyUsage=serverAuth
END
    openssl x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile api.ext -out api.crt
    openssl genrsa -out sa.key 2048; openssl rsa -in sa.key -pubout -out sa.pub
    : >tokens.csv; chmod 600 tokens.csv
    user admin admin system:masters
    user kubelet system:node:$NODE system:nodes
    user controllers system:kube-controller-manager
    user scheduler system:kube-scheduler
    user proxy system:kube-proxy
    touch done
  ) >"$RUN/pki/log" 2>&1
}

configurations() {
  mkdir -p "$RUN"/{cni,cni-state,kubelet,sysctl,var-lib-kubelet}
  # Without CAP_SYS_RESOURCE no process may lower its OOM score, and the kernel may lack AppArmor.
  cat >"$RUN/containerd.toml" <<END
version = 2
root = "$RUN/containerd"
state = "/run/tidegate-lab"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$CRI"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
END
  cat >"$RUN/cni/10-lab.conflist" <<END
{"cniVersion": "0.4.0", "name": "lab", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "isDefaultGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$RUN/cni-state", "ranges": [[{"subnet": "$PODS"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  echo "nameserver $MACHINE_IP" >"$RUN/resolv.conf"
  cat >"$RUN/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$CRI
# Reachable inside the node's own network only.
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $RUN/resolv.conf
oomScoreAdj: 0
failSwapOn: false
protectKernelDefaults: true
enforceNodeAllocatable: [pods]
evictionHard: { memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1% }
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 4s
# A changed ConfigMap reaches its pods within seconds; the default is a minute.
syncFrequency: 5s
serializeImagePulls: false
shutdownGracePeriod: 0s
END
}

namespaces() {
  node_lives && return
  rm -f "$RUN"/*.pid
  setsid unshare -m -n -p -u -i -f --mount-proc --propagation private "$BIN/pause" </dev/null >/dev/null 2>&1 &
  local parent=$! first=; disown
  until first=$(pgrep -P $parent); do sleep 0.1; done
  echo "$first" >"$RUN/node.pid"; sleep 0.3
  # One cable between machine and node. The machine does not forward, so nothing gets further.
  ip link add tg-machine type veth peer name tg-node
  ip link set tg-node netns "$first" name eth0
  ip addr add $MACHINE_IP/30 dev tg-machine; ip link set tg-machine up; ip route replace $PODS via $NODE_IP 2>/dev/null || true
  in_node bash -euc "
    hostname $NODE; mount --make-rshared /; mount -t tmpfs none /run; mkdir -p /run/tidegate-lab /run/lock /var/lib/kubelet
    ip link set lo up; ip addr add $NODE_IP/30 dev eth0; ip link set eth0 up; ip route add default via $MACHINE_IP
    echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
    cd $RUN/sysctl; for s in $(echo $SYSCTLS); do
      f=\${s%%=*}; echo \${s#*=} >\$(basename \$f); mount --bind \$(basename \$f) /proc/sys/\$f; done"
}

control_plane() {
  local etcd=http://127.0.0.1:2379 pki=$RUN/pki
  start etcd "$BIN/etcd" --data-dir "$RUN/etcd" --listen-client-urls $etcd --advertise-client-urls $etcd --listen-peer-urls http://127.0.0.1:2380
  start api "$BIN/kube-apiserver" --etcd-servers $etcd --secure-port $API_PORT --bind-address 0.0.0.0 --advertise-address $NODE_IP \
    --tls-cert-file "$pki/api.crt" --tls-private-key-file "$pki/api.key" --cert-dir "$RUN/certs" --client-ca-file "$pki/ca.crt" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
    --token-auth-file "$pki/tokens.csv" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --service-cluster-ip-range $SERVICES --kubelet-preferred-address-types InternalIP
  wait_until 90 kubectl get --raw /readyz
  start controllers "$BIN/kube-controller-manager" --kubeconfig "$RUN/controllers.kubeconfig" --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" --use-service-account-credentials --leader-elect=false --bind-address 127.0.0.1
  start scheduler "$BIN/kube-scheduler" --kubeconfig "$RUN/scheduler.kubeconfig" --leader-elect=false --bind-address 127.0.0.1
}

worker() {
  start containerd "${CONTAINERD:-/usr/bin/containerd}" --config "$RUN/containerd.toml"
  wait_until 20 in_node ctr -a $CRI version
  load "$IMG/pause.tar" "$IMG/coredns.tar"
  start kubelet "$BIN/kubelet" --config "$RUN/kubelet.yaml" --kubeconfig "$RUN/kubelet.kubeconfig" --hostname-override $NODE --node-ip $NODE_IP \
    --root-dir "$RUN/kubelet" --cert-dir "$RUN/kubelet-pki"
  start proxy "$BIN/kube-proxy" --kubeconfig "$RUN/proxy.kubeconfig" --hostname-override $NODE --proxy-mode iptables --cluster-cidr $PODS \
    --conntrack-max-per-core 0 --conntrack-min 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
}

load() {
  local tar
  for tar in "$@"; do in_node ctr -a $CRI -n k8s.io images import --snapshotter overlayfs "$tar" >/dev/null; done
}

node_down() {
  node_lives && kill "$(cat "$RUN/node.pid")"
  sleep 1
  rm -f "$RUN"/*.pid
  ip link del tg-machine 2>/dev/null || true
  # Otherwise host-local keeps the addresses of pods that are gone.
  rm -rf "$RUN/cni-state"
  find /sys/fs/cgroup/*/kubepods -depth -type d -exec rmdir {} \; 2>/dev/null || true
}

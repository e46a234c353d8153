#!/bin/bash
# Process 1 of the namespaces that up.sh makes: mounts, network, then every program of the node. Its
# end is the end of everything it started.
set -euo pipefail
. "$(dirname "$0")/places.sh"
export PATH=$BIN:$PATH
PKI=$RUN/pki

# Each v1 hierarchy again, since the cgroup namespace shows our own group as its root. The kubelet
# wants one for every line of /proc/self/cgroup, the named ones too.
mount_cgroups() {
    local controllers folder options
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    while IFS=: read -r _ controllers _; do
        [ -n "$controllers" ] || continue # cgroup v2: the kubelet wants one or the other
        folder=/sys/fs/cgroup/${controllers#name=}
        options=$controllers
        [ "$folder" = "/sys/fs/cgroup/$controllers" ] || options=none,$controllers
        mkdir "$folder"
        mount -t cgroup -o "$options" cgroup "$folder"
    done </proc/self/cgroup
}

mount_all() {
    mount --make-rshared /     # the kubelet's mounts must reach the pods
    mount -t sysfs sysfs /sys  # the devices of this network namespace
    mount_cgroups
    mount -t tmpfs -o mode=755 tmpfs /run
    # Paths that no setting moves; the machine keeps three empty folders.
    mkdir -p /var/lib/kubelet /var/lib/cni /var/log/containers
    mount -t tmpfs -o mode=755 tmpfs /var/lib/cni
    mount --bind "$RUN/kubelet" /var/lib/kubelet
    mount --bind "$RUN/containers" /var/log/containers
    # Else names wait for a server that is out of reach.
    mount --bind "$RUN/conf/resolv.conf" /etc/resolv.conf
}

make_network() {
    ip link set lo up
    ip link add node0 type veth peer name node0-end
    ip link set node0-end up
    ip addr add "$NODE_IP/24" dev node0
    ip link set node0 up
    ip route add default dev node0 # service addresses need a route before they are translated
    echo 1 >/proc/sys/net/ipv4/ip_forward
}

# start NAME COMMAND...
start() {
    local name=$1
    shift
    "$@" >"$RUN/log/$name.log" 2>&1 &
    echo $! >"$RUN/$name.pid"
}

start_apiserver() {
    start etcd etcd --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380
    start kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 \
        --advertise-address "$NODE_IP" --secure-port 6443 \
        --service-cluster-ip-range "$SERVICE_CIDR" --authorization-mode Node,RBAC \
        --client-ca-file "$PKI/ca.crt" \
        --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" \
        --kubelet-certificate-authority "$PKI/ca.crt" \
        --kubelet-preferred-address-types InternalIP \
        --kubelet-client-certificate "$PKI/apiserver-kubelet.crt" \
        --kubelet-client-key "$PKI/apiserver-kubelet.key" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$PKI/sa.pub" \
        --service-account-signing-key-file "$PKI/sa.key"
}

start_containerd() {
    start containerd containerd --config "$RUN/conf/containerd.toml"
    for _ in $(seq 100); do
        ctr version >/dev/null 2>&1 && return
        sleep 0.1
    done
}

start_controllers() {
    start kube-controller-manager kube-controller-manager --bind-address 127.0.0.1 \
        --kubeconfig "$RUN/kubeconfig/kube-controller-manager" --leader-elect=false \
        --use-service-account-credentials --root-ca-file "$PKI/ca.crt" \
        --service-account-private-key-file "$PKI/sa.key" \
        --flex-volume-plugin-dir /var/lib/kubelet/plugins-exec
    start kube-scheduler kube-scheduler --kubeconfig "$RUN/kubeconfig/kube-scheduler" \
        --leader-elect=false --bind-address 127.0.0.1
    start kubelet kubelet --config "$RUN/conf/kubelet.yaml" --kubeconfig "$RUN/kubeconfig/kubelet" \
        --hostname-override "$NODE" --node-ip "$NODE_IP"
    # kube-proxy calls `nft` by name; it finds the libraries that were unpacked beside it.
    start kube-proxy env LD_LIBRARY_PATH="$LIBRARIES" \
        kube-proxy --config "$RUN/conf/kube-proxy.yaml"
}

hostname "$NODE"
mount_all
make_network
export CONTAINERD_NAMESPACE=k8s.io CONTAINERD_ADDRESS=/run/containerd/containerd.sock
start_apiserver
start_containerd
for archive in "$IMAGES"/*.tar; do
    ctr images import "$archive"
done
for _ in $(seq 600); do
    kubectl --kubeconfig "$RUN/kubeconfig/admin" get --raw /readyz >/dev/null 2>&1 && break
    sleep 0.2
done
start_controllers
while :; do # process 1 reaps what its children leave behind
    wait || true
    sleep 1
done

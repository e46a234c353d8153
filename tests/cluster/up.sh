#!/bin/bash
# Brings up a single-node Kubernetes with real pods, as root, without systemd, docker or a registry.
#
# It lives in namespaces and cgroups of its own: it takes no port and no route of the machine, and
# ends as a whole with the first process of its process namespace (down.sh). in.sh runs a command in
# it, as in `tests/cluster/in.sh kubectl get pods -A`.
set -euo pipefail
. "$(dirname "$0")/places.sh"

# A group of the cluster's own under ours, in each hierarchy.
make_cgroups() {
    local controllers path parent group file
    : >"$RUN/cgroups"
    while IFS=: read -r _ controllers path; do
        [ -n "$controllers" ] || continue
        parent=/sys/fs/cgroup/${controllers#name=}${path%/}
        group=$parent/bulkhead.$$
        mkdir "$group"
        echo "$group" >>"$RUN/cgroups"
        if [ "$controllers" = cpuset ]; then # empty at first, and then no task can join
            for file in cpus mems; do
                cat "$parent/cpuset.$file" >"$group/cpuset.$file"
            done
            echo 1 >"$group/cgroup.clone_children"
        fi
    done </proc/self/cgroup
}

start_node() {
    (
        while read -r group; do
            echo "$BASHPID" >"$group/cgroup.procs"
        done <"$RUN/cgroups"
        exec setsid nice -n 5 unshare --mount --propagation private --net --pid --ipc --uts \
            --cgroup --fork --kill-child --mount-proc bash "$HERE/node.sh"
    ) >"$RUN/log/node.log" 2>&1 </dev/null &
    echo $! >"$RUN/unshare.pid"
    disown
}

# The node's process 1, as this namespace counts.
find_init() {
    local unshare children
    unshare=$(cat "$RUN/unshare.pid")
    for _ in $(seq 50); do
        children=$(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) || true
        if [ -n "${children// /}" ]; then
            echo "${children// /}" >"$RUN/init.pid"
            return
        fi
        sleep 0.1
    done
    die "the node did not start: see $RUN/log/node.log"
}

# until_ok SECONDS WHAT COMMAND...
until_ok() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "$what: not in time; the logs are in $RUN/log"
        kill -0 "$(cat "$RUN/unshare.pid")" 2>/dev/null ||
            die "$what: the node died; see $RUN/log/node.log"
        sleep 0.3
    done
    printf '%4d s  %s\n' "$SECONDS" "$what"
}

kubectl() {
    "$HERE/in.sh" kubectl "$@"
}

"$HERE/can.sh"
if kill -0 "$(cat "$RUN/unshare.pid" 2>/dev/null || echo none)" 2>/dev/null; then
    die "it is up already: $RUN"
fi
"$HERE/down.sh"
"$HERE/tools.sh"
"$HERE/images.sh"
SECONDS=0
mkdir -p "$RUN"/{pki,kubeconfig,conf,log,etcd,containerd,kubelet,pods,containers}
"$HERE/pki.sh"
"$HERE/config.sh"
make_cgroups
start_node
find_init
until_ok 120 "kube-apiserver ready" kubectl get --raw /readyz
until_ok 60 "node ready" kubectl wait --for=condition=Ready "node/$NODE" --timeout=5s
kubectl apply -f "$HERE/coredns.yaml" >/dev/null
until_ok 90 "cluster DNS ready" kubectl -n kube-system rollout status deploy/coredns --timeout=10s
until_ok 30 "default service account" kubectl get serviceaccount default

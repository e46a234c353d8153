#!/bin/bash
# Builds the servers and command line tools that every test needs; go_build.sh says how. Arguments
# are the tools wanted; without any it is all of them.
set -euo pipefail
. "$(dirname "$0")/common.sh"

WANTED=" $* "
. "$SETUP/go_build.sh"

build 4 kube-apiserver kubernetes 1.36 k8s.io/kubernetes/cmd/kube-apiserver "$KUBE_FLAGS" \
    "about 5 minutes"
build 4 kubectl kubernetes 1.36 k8s.io/kubernetes/cmd/kubectl "$KUBE_FLAGS" "about a minute"
build 5 etcd etcd 3.6 bulkhead.dev/tests/etcd "" "about a minute"
build 6 nats-server nats-server 2.15 github.com/nats-io/nats-server/v2 "" "about a minute"
# The older lines that the controller must work with too, each in its last patch.
for line in 2.10 2.11 2.12 2.14; do
    build 6 "nats-server-$line" "nats-server-$line" "$line" github.com/nats-io/nats-server/v2 "" \
        "about half a minute"
done
build 7 nats nats-cli 0.5 github.com/nats-io/natscli/nats "" "about a minute"
build 8 helm helm 4.0 helm.sh/helm/v4/cmd/helm "" "about two minutes"

#!/bin/bash
# in.sh COMMAND...: runs it in the node's namespaces, in the current folder, as administrator.
set -euo pipefail
. "$(dirname "$0")/places.sh"

[ -s "$RUN/init.pid" ] || die "the cluster is not up"
export KUBECONFIG=$RUN/kubeconfig/admin KUBECACHEDIR=$RUN/kubectl-cache PATH=$BIN:$PATH
export CONTAINERD_NAMESPACE=k8s.io CONTAINERD_ADDRESS=/run/containerd/containerd.sock
# shellcheck disable=SC2016 # for the shell inside
exec nsenter -t "$(cat "$RUN/init.pid")" -m -n -p -i -u -- \
    /bin/bash -c 'cd "$0" && exec "$@"' "$PWD" "$@"

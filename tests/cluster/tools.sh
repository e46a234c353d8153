#!/bin/bash
# Gets what the single-node cluster consists of: Kubernetes' own programs and CoreDNS are built from
# pinned Go modules, containerd, runc, nft, the CNI plugins and busybox are unpacked (not installed)
# from Debian's archive. All goes to the cache outside the tree, once.
set -euo pipefail
. "$(dirname "$0")/../setup/common.sh"
. "$(dirname "$0")/../setup/go_build.sh"

STEPS=7
PACKAGES=(containerd runc containernetworking-plugins busybox-static
    nftables libnftables1 libnftnl11 libmnl0 libxtables12 libjansson4 libedit2)

# unpack_debian: the packages under $CACHE/node/debian, replaced as a whole when the list changes.
unpack_debian() {
    local key work
    key=$(printf '%s\n' "${PACKAGES[@]}" | sha256sum | cut -d ' ' -f 1)
    if [ "$(cat "$CACHE/node/debian/.key" 2>/dev/null)" = "$key" ]; then
        return
    fi
    step 1 "unpacking containerd, runc, nft and CNI plugins from Debian (a few seconds, once)"
    mkdir -p "$CACHE/node"
    work=$(mktemp -d "$CACHE/node/.new.XXXXXX")
    # shellcheck disable=SC2064 # the value of now
    trap "rm -rf '$work'" EXIT
    (cd "$work" && run_logged "$LOGS/node-debian.log" apt-get -q download "${PACKAGES[@]}") ||
        { apt-get -q update >/dev/null 2>&1 && (cd "$work" &&
            run_logged "$LOGS/node-debian.log" apt-get -q download "${PACKAGES[@]}"); } ||
        explain_failure "$LOGS/node-debian.log" "apt-get download"
    for package in "$work"/*.deb; do
        dpkg -x "$package" "$work"
        rm "$package"
    done
    printf '%s\n' "$key" >"$work/.key"
    chmod 755 "$work"
    rm -rf "$CACHE/node/debian"
    mv "$work" "$CACHE/node/debian"
    trap - EXIT
    step_done
}

exec 9>"$CACHE/node.lock"
flock 9
unpack_debian
kube=k8s.io/kubernetes/cmd
build 2 kube-controller-manager node 1.36 $kube/kube-controller-manager "$KUBE_FLAGS" \
    "about a minute"
build 3 kube-scheduler node 1.36 $kube/kube-scheduler "$KUBE_FLAGS" "about half a minute"
build 4 kubelet node 1.36 $kube/kubelet "$KUBE_FLAGS" "about a minute"
build 5 kube-proxy node 1.36 $kube/kube-proxy "$KUBE_FLAGS" "about half a minute"
build 6 coredns coredns 1.15 bulkhead.dev/tests/coredns "" "about a minute"

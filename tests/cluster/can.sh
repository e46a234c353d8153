#!/bin/bash
# Says whether this machine can run the single-node cluster: exit code 0, or 1 and the reason.
set -euo pipefail
. "$(dirname "$0")/places.sh"

[ "$(id -u)" -eq 0 ] || die "needs root, to make namespaces, cgroups and mounts"
for controller in cpu cpuset memory pids; do
    grep -qE "^[0-9]+:([^:]*,)?$controller(,[^:]*)?:" /proc/self/cgroup ||
        die "needs the cgroup v1 controller '$controller', which this machine does not have" \
            "(on a machine with cgroup v2 alone use a cluster of your own: see docs/install.md)"
done
[ -w /sys/fs/cgroup/memory ] || die "needs to make cgroups, and /sys/fs/cgroup is read-only"
command -v apt-get dpkg >/dev/null || die "needs Debian's apt, for containerd and runc"
unshare --mount --net --pid --ipc --uts --cgroup --fork true 2>/dev/null ||
    die "needs to make namespaces, and the kernel refuses it"
unshare --net ip link add test0 type veth peer name test1 2>/dev/null ||
    die "needs network devices of the kind veth, which this kernel does not have"

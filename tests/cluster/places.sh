# Shared by the scripts of this folder: the cluster's addresses and places. Sourced, not run.
# shellcheck shell=bash disable=SC2034

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../setup/common.sh"

# Two clusters with different folders can run side by side.
RUN=${BULKHEAD_CLUSTER:-$CACHE/cluster}
DEBIAN=$CACHE/node/debian
IMAGES=$CACHE/node/images
LIBRARIES=$DEBIAN/usr/lib/$(uname -m)-linux-gnu
BIN=$DEBIAN/usr/bin:$DEBIAN/usr/sbin:$TOOLS

NODE=node
NODE_IP=10.99.0.1 # of a device in the node's own network namespace
POD_CIDR=10.244.0.0/24
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
DNS_IP=10.96.0.10
REGISTRY=registry.invalid # nothing is ever pulled: every image is imported

die() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

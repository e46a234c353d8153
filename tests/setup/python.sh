#!/bin/bash
# Makes the Python environment of the tests, with the exact versions of requirements.txt.
set -euo pipefail
. "$(dirname "$0")/common.sh"

PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3) || die "python3 is missing"

# The key names the interpreter too, since an environment breaks when its Python goes away.
key=$({ cat "$SETUP/requirements.txt" && "$PYTHON" -V; } | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$VENV/.key" 2>/dev/null)" = "$key" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

step 2 "making the Python environment of the tests (about half a minute, once)"
rm -rf "$VENV"
run_logged "$LOGS/python.log" "$PYTHON" -m venv "$VENV" ||
    explain_failure "$LOGS/python.log" "making a Python environment"
run_logged "$LOGS/python.log" "$VENV/bin/python" -m pip install --disable-pip-version-check \
    --no-input --only-binary :all: -r "$SETUP/requirements.txt" ||
    explain_failure "$LOGS/python.log" "pip install"
printf '%s\n' "$key" >"$VENV/.key"
step_done

#!/bin/bash
# Prints the folder of the Python environment. Each set of requirements and interpreter has one
# of its own, so that checkouts which differ in them leave each other alone.
set -euo pipefail
cd "$(dirname "$0")"

PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)
# An environment breaks when its Python goes away, so the key names that too.
key=$({ cat requirements.txt && "$PYTHON" -V; } | sha256sum | cut -c 1-12)
echo "${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead/venv-$key"

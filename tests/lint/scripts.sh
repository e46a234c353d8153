#!/bin/bash
# Checks what is not C: shell scripts, Python (style and types), words. Run from the tree's root.
set -euo pipefail
VENV=${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead/venv

mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' .ci/run)
mapfile -t python < <(git ls-files -co --exclude-standard '*.py')
mapfile -t words < <(git ls-files -co --exclude-standard -- ':!*.sum' ':!go.mod' ':!LICENSE')

shellcheck -x -P SCRIPTDIR "${scripts[@]}"
"$VENV/bin/ruff" check --quiet "${python[@]}"
"$VENV/bin/ruff" format --quiet --check "${python[@]}"
(cd tests && "$VENV/bin/mypy" --no-error-summary --config-file pyproject.toml .)
"$VENV/bin/codespell" --ignore-words tests/lint/words.txt "${words[@]}"
echo "scripts: ${#scripts[@]} shell, ${#python[@]} Python, ${#words[@]} files of words"

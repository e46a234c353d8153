#!/bin/bash
# Checks what is not C: shell scripts, Python (style and types), words. Run from the tree's root.
set -euo pipefail
failed=0
VENV=$(tests/setup/venv.sh)

mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' .ci/run)
mapfile -t python < <(git ls-files -co --exclude-standard '*.py')
mapfile -t words < <(git ls-files -co --exclude-standard -- ':!*.sum' ':!go.mod' ':!LICENSE')

shellcheck -x -P SCRIPTDIR "${scripts[@]}" || failed=1
"$VENV/bin/ruff" check --quiet "${python[@]}" || failed=1
"$VENV/bin/ruff" format --quiet --check "${python[@]}" || failed=1
"$VENV/bin/python" charts/generate.py --check || failed=1
(cd tests && "$VENV/bin/mypy" --no-error-summary --config-file pyproject.toml .) || failed=1
"$VENV/bin/codespell" --ignore-words tests/lint/words.txt "${words[@]}" || failed=1
echo "scripts: ${#scripts[@]} shell, ${#python[@]} Python, ${#words[@]} files of words"
exit "$failed"

#!/bin/bash
# Builds Helm 3, which the chart must work with as well; Helm 4 is among the tools of every test.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$SETUP/go_build.sh"

STEPS=1
build 1 helm3 helm3 3.22 helm.sh/helm/v3/cmd/helm "" "about a minute"

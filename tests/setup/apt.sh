#!/bin/bash
# Installs the Debian packages of packages.txt, or of another list, that are missing. Needs root
# or sudo only then.
set -euo pipefail
. "$(dirname "$0")/common.sh"

LIST=${1:-$SETUP/packages.txt}
# Packages of servers would make and start one of their own; the tests want only the programs.
NO_CLUSTER=/etc/postgresql-common/createcluster.d/bulkhead-setup.conf
NO_START=/usr/sbin/policy-rc.d

missing_packages() {
    local wanted installed
    wanted=$(sed 's/#.*//; /^[[:space:]]*$/d' "$LIST" | sort)
    # shellcheck disable=SC2086 # one word a package
    installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null |
        awk '$1 == "ii" { print $2 }' | sort -u || true)
    comm -23 <(printf '%s\n' "$wanted") <(printf '%s\n' "$installed")
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env "$@"
    else
        sudo env "$@"
    fi
}

apt_get() {
    as_root DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y \
        -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {
    as_root mkdir -p "$(dirname "$NO_CLUSTER")"
    printf 'create_main_cluster = false\n' | as_root tee "$NO_CLUSTER" >/dev/null
    trap 'as_root rm -f "$NO_CLUSTER"' EXIT
    if [ ! -e "$NO_START" ]; then
        trap 'as_root rm -f "$NO_CLUSTER" "$NO_START"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$NO_START" >/dev/null
        as_root chmod 755 "$NO_START"
    fi
    run_logged "$LOGS/apt.log" apt_get update || explain_failure "$LOGS/apt.log" "apt-get update"
    run_logged "$LOGS/apt.log" apt_get install --no-install-recommends "$@" ||
        explain_failure "$LOGS/apt.log" "apt-get install"
}

command -v dpkg-query >/dev/null ||
    die "this is not Debian: install what $LIST names by other means"
mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "these Debian packages are missing, and installing them takes root or sudo:" \
            "${missing[*]}"
    fi
    step 1 "installing ${#missing[@]} Debian packages (about a minute, once)"
    if [ "$(id -u)" -ne 0 ]; then
        sudo -v || die "sudo is needed to install: ${missing[*]}"
    fi
    install_packages "${missing[@]}"
    step_done
fi

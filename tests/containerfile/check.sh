#!/bin/bash
# Builds images/Containerfile without a registry or a daemon, and holds its images to what those of
# `make images` promise. The base image is a Debian 13 that debootstrap makes; it stays in the cache
# with the layers of the build. Takes root and some minutes; `make containerfile-check` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/common.sh

BASE=debian:13-slim
RELEASE=trixie
HOME_OF_IMAGES=$CACHE/containerfile
ARCHIVES=build/images/containerfile

buildah() {
    command buildah --root "$HOME_OF_IMAGES/storage" --runroot "$HOME_OF_IMAGES/run" "$@"
}

make_base() {
    local root=$HOME_OF_IMAGES/root container
    if buildah inspect --type image $BASE >/dev/null 2>&1; then
        return
    fi
    step 1 "making the base image $BASE with debootstrap (about two minutes, once)"
    rm -rf "$root"
    run_logged "$LOGS/debootstrap.log" debootstrap --variant=minbase $RELEASE "$root" ||
        explain_failure "$LOGS/debootstrap.log" "debootstrap"
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$root" / >/dev/null
    buildah commit --quiet --rm "$container" $BASE >/dev/null
    rm -rf "$root"
    step_done
}

build_all() {
    local name
    mkdir -p "$ARCHIVES"
    for name in controller relay provisioner; do
        step 2 "building the image of the $name"
        run_logged "$LOGS/containerfile.log" buildah build --isolation chroot --network host \
            --pull=never --layers --file images/Containerfile --target $name \
            --tag bulkhead-$name . ||
            explain_failure "$LOGS/containerfile.log" "building $name"
        rm -f "$ARCHIVES/bulkhead-$name.tar"
        buildah push --quiet bulkhead-$name "oci-archive:$ARCHIVES/bulkhead-$name.tar"
        step_done
    done
}

STEPS=3
[ "$(id -u)" -eq 0 ] || die "building the Containerfile needs root, to change the root folder"
"$SETUP/apt.sh" tests/containerfile/build_packages.txt
make_base
build_all
step 3 "the images against their promises"
BULKHEAD_IMAGES=$PWD/$ARCHIVES "$(tests/setup/venv.sh)/bin/python" -m pytest -s \
    -c tests/pyproject.toml tests/chart/test_images.py -k "an_image or program_runs"

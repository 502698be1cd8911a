#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A base image without a registry: a minimal Debian by debootstrap, as a tar on standard output.
#
#   make-base.sh RELEASE | docker import - p2p-render/base:RELEASE
#
# Needs Debian (or what has debootstrap and its keys) and root. Progress goes to standard error. Whatever ends it,
# the folder that it worked in goes, and its mounts are its own and vanish with it.
#
# BASE_MIRROR   the Debian mirror (the one that this machine's apt uses)
set -euo pipefail

release=${1:?usage: make-base.sh RELEASE}
[[ $release =~ ^[a-z]+$ ]] || { echo "\"$release\" is no name of a Debian release" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")

main() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || fail "this takes Linux and root"
  command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap >&2 || fail "debootstrap is missing: apt-get install debootstrap"
  local mirror=${BASE_MIRROR:-}
  [ -n "$mirror" ] || mirror=$("$here/debian-mirror.sh") || fail "apt knows no Debian mirror here: name one in BASE_MIRROR"
  work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" p2p-render-base.XXXXXXXX)
  trap clean EXIT
  trap 'exit 143' TERM INT HUP PIPE
  echo "making Debian $release from $mirror" >&2
  # In the background and waited for: a signal is heard at once, not when the step is over.
  unshare --mount --pid --fork --kill-child debootstrap --variant=minbase "$release" "$work/root" "$mirror" >&2 &
  step=$!
  wait "$step"
  # No service may start while packages are installed.
  printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
  chmod +x "$work/root/usr/sbin/policy-rc.d"
  rm -rf "$work/root/var/cache/apt/archives/"*.deb "$work/root/var/lib/apt/lists/"* "$work/root/var/log/"*
  tar --numeric-owner --one-file-system --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -C "$work/root" -c . &
  step=$!
  wait "$step"
}

clean() {
  [ -z "${step:-}" ] || kill -KILL "$step" 2>/dev/null || true
  wait || true
  rm -rf --one-file-system "$work"
}

fail() {
  echo "make-base: $1" >&2
  exit 1
}

main

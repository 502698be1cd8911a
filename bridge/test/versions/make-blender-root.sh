#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another Debian release's Blender beside this machine's own: a root folder made by debootstrap, and a program that
# starts the Blender in it as if it were installed here. Needs Debian, root and a few minutes; does nothing twice.
#
#   make-blender-root.sh RELEASE     e.g. trixie (Blender 4.3), sid (Blender 5.x)
#
# BLENDER_ROOTS   where the roots and the programs go (/opt/blender-roots)
# BLENDER_MIRROR  the Debian mirror (the one that this machine's apt uses)
#
# Progress goes to standard error; the program's path is the only line on standard output.
set -euo pipefail

release=${1:?usage: make-blender-root.sh RELEASE}
[[ $release =~ ^[a-z]+$ ]] || { echo "\"$release\" is no name of a Debian release" >&2; exit 2; }
roots=${BLENDER_ROOTS:-/opt/blender-roots}
root=$roots/$release
program=$roots/blender-$release
here=$(dirname "$(readlink -f "$0")")

# EEVEE and Blender 5's compositor need EGL and GL; numpy is no dependency of Debian's package.
packages=(blender python3-numpy libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri libglx-mesa0)

main() {
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || fail "this takes Linux and root"
  mkdir -p "$roots"
  exec 9>"$roots/.lock-$release"
  flock 9
  [ -x "$root/usr/bin/blender" ] || make_root
  [ -x "$program" ] || write_program
  "$program" --version </dev/null 2>&1 | grep -m1 '^Blender ' >&2 || fail "the Blender in $root does not start"
  echo "$program"
}

make_root() {
  command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap >&2 || fail "debootstrap is missing: apt-get install debootstrap"
  local from made=$root.partial
  from=${BLENDER_MIRROR:-$("$here/../../../containers/debian-mirror.sh")} || fail "apt knows no Debian mirror here: name one in BLENDER_MIRROR"
  # What an interrupted run left; it mounted nothing that outlived it.
  rm -rf --one-file-system "$made"
  echo "making $root from $from" >&2
  debootstrap --variant=minbase "$release" "$made" "$from" >&2
  # No service may start inside.
  printf '#!/bin/sh\nexit 101\n' >"$made/usr/sbin/policy-rc.d"
  chmod +x "$made/usr/sbin/policy-rc.d"
  # A mirror's snapshot of a moving release may be older than its own date of expiry.
  in_root "$made" apt-get -o Acquire::Check-Valid-Until=false update
  in_root "$made" apt-get install -y --no-install-recommends "${packages[@]}"
  in_root "$made" apt-get clean
  mv "$made" "$root"
}

# Runs a command inside a root, with its own mounts: they vanish with it.
in_root() {
  local inside=$1
  shift
  unshare --mount /bin/sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' \
    "$inside" "$@" </dev/null >&2
}

# The program sees this machine's folders, except those that the release brings itself. Mounts are its own and vanish
# with it. Every step is an exec: folder, arguments and streams are the caller's, and a kill of the process or of its
# group meets Blender and nothing else.
write_program() {
  cat >"$program.partial" <<PROGRAM
#!/bin/sh
# Starts the Blender of Debian $release; made by make-blender-root.sh.
[ -n "\${BLENDER_ROOT_MOUNTED:-}" ] || BLENDER_ROOT_MOUNTED=1 exec unshare --mount "\$0" "\$@"
unset BLENDER_ROOT_MOUNTED
root='$root'
for folder in /* /var/tmp; do
  case \$folder in
    /bin|/boot|/etc|/lib*|/sbin|/usr|/var|/lost+found) continue ;;
    /dev|/sys) kind=--rbind ;;
    *) kind=--bind ;;
  esac
  [ -d "\$folder" ] && [ ! -L "\$folder" ] || continue
  mkdir -p "\$root\$folder" && mount \$kind "\$folder" "\$root\$folder" 2>/dev/null
done
exec chroot "\$root" /bin/sh -c 'cd "\$0" 2>/dev/null || cd /; exec /usr/bin/blender "\$@"' "\$(pwd)" "\$@"
PROGRAM
  chmod +x "$program.partial"
  mv "$program.partial" "$program"
}

fail() {
  echo "make-blender-root: $1" >&2
  exit 1
}

main

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Blender's own build beside this machine's: the module bpy from PyPI, with a program that starts it as `blender`.
# It has the denoiser that distributions leave out. Needs the Python that the build was made for; does nothing twice.
#
#   make-bpy-blender.sh VERSION     e.g. 4.5.15 (Python 3.11)
#
# BLENDER_ROOTS   where it goes (/opt/blender-roots)
# BPY_PYTHON      the Python to use (python3)
#
# Progress goes to standard error; the program's path is the only line on standard output.
set -euo pipefail

version=${1:?usage: make-bpy-blender.sh VERSION}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "\"$version\" is no version of Blender" >&2; exit 2; }
roots=${BLENDER_ROOTS:-/opt/blender-roots}
place=$roots/bpy-$version
program=$roots/blender-bpy-$version
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$roots"
if [ ! -x "$place/bin/python" ] || ! "$place/bin/python" -c 'import bpy' >/dev/null 2>&1; then
  rm -rf "$place"
  "${BPY_PYTHON:-python3}" -m venv "$place" >&2
  "$place/bin/pip" install --quiet "bpy==$version" >&2
fi
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$place/bin/python" "$here/bpy_blender.py" >"$program"
chmod +x "$program"
"$program" --version </dev/null 2>&1 | grep -m1 '^Blender ' >&2
echo "$program"

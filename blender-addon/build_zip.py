# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the one zip that installs as a legacy add-on (Blender 3.4 to 4.1) and as an extension (4.2 and later).

    python3 blender-addon/build_zip.py [folder]

The last line that it prints is the zip's path. The same sources make the same bytes.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
PACKAGE = "p2p_render"
# The bridge's own finishing engine: one class for both.
SHARED = {
    "finishing": (
        PROJECT / "bridge" / "blender" / "scripts" / "p2p_blender" / "finish",
        ("assembled_engine.py", "assembled_exr.py"),
    )
}
# Fetched wheels are kept here; a checkout without a network can still build once they are there.
WHEEL_CACHE = PROJECT / ".runtime" / "wheels"
# The earliest time that a zip can store.
EPOCH = (1980, 1, 1, 0, 0, 0)


def assemble(folder: Path | str) -> Path:
    """The whole package below `folder`, as Blender gets it. Returns its path."""
    package = Path(folder) / PACKAGE
    shutil.copytree(HERE / PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name, (source, files) in SHARED.items():
        _share(source, files, package / name)
    (package / "wheels").mkdir()
    for wheel in wheels():
        shutil.copy(wheel, package / "wheels")
    shutil.copy(PROJECT / "LICENSE", package / "LICENSE")
    return package


def _share(source: Path, files: tuple[str, ...], target: Path) -> None:
    """Copies modules that import each other from their own package into a package here."""
    target.mkdir()
    (target / "__init__.py").write_text(
        '# SPDX-License-Identifier: GPL-2.0-or-later\n"""The bridge\'s finishing engine."""\n', "utf-8"
    )
    for file in files:
        shutil.copy(source / file, target / file)


def wheels() -> list[Path]:
    """The bundled wheels, fetched where they are not here yet. Raises SystemExit with what to do."""
    wanted = re.findall(r"^([\w.-]+)==([\w.]+) ", (HERE / "wheels.txt").read_text("utf-8"), flags=re.MULTILINE)
    found = [WHEEL_CACHE / f"{name}-{version}-py3-none-any.whl" for name, version in wanted]
    # Also what is here is checked against its hash: pip takes it from the cache folder then.
    _fetch()
    return found


def _fetch() -> None:
    platform = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", "--python-version=3.10"]
    common = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        *platform,
    ]
    wanted = ["--dest", str(WHEEL_CACHE), "--requirement", str(HERE / "wheels.txt")]
    WHEEL_CACHE.mkdir(parents=True, exist_ok=True)
    here = subprocess.run([*common, "--no-index", "--find-links", str(WHEEL_CACHE), *wanted], capture_output=True, check=False)
    if here.returncode == 0:
        return
    done = subprocess.run([*common, *wanted], check=False)
    if done.returncode != 0:
        raise SystemExit("The bundled Python packages could not be fetched: pip (python3-pip) and a network are needed once.")


def write_zip(package: Path, path: Path) -> None:
    """Sorted, with fixed times and rights, and not compressed: compressors differ from machine to machine."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(package.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(package.parent).as_posix(), EPOCH)
                entry.external_attr = 0o100644 << 16
                entry.create_system = 3
                archive.writestr(entry, file.read_bytes())


def version() -> str:
    """The manifest's."""
    (found,) = re.findall(r'^version = "([^"]+)"', (HERE / PACKAGE / "blender_manifest.toml").read_text("utf-8"), re.MULTILINE)
    return found


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else PROJECT / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / f"{PACKAGE}-{version()}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        write_zip(assemble(scratch), path)
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])

# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of files whose path was written by another computer, perhaps by another system."""

from pathlib import Path

# 255 bytes is the limit of the usual file systems; the extension needs six.
MAX_STEM_BYTES = 240


def name_of(path: str) -> str:
    """The last part of a path, which may be a Windows one."""
    return path.replace("\\", "/").rpartition("/")[2]


def suffix_of(path: str) -> str:
    """The extension of a file, with its dot."""
    return Path(name_of(path)).suffix


def portable_name(path: str) -> str:
    """A .blend name that every system accepts; almost always the file's own."""
    allowed = "".join("_" if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in name_of(path))
    stem = allowed.removesuffix(".blend")
    return stem.encode("utf-8")[:MAX_STEM_BYTES].decode("utf-8", "ignore") + ".blend"

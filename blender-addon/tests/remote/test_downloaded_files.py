# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder of downloaded files."""

from pathlib import Path

from p2p_render.remote.downloaded_files import DownloadFolder


def test_downloaded_files_share_one_folder_that_is_removed(tmp_path: Path) -> None:
    own = DownloadFolder()
    own.parent = str(tmp_path)
    first, second = Path(own.path_for("C:\\a\\t.exr")), Path(own.path_for("/b/t.exr"))
    assert first != second
    assert first.parent == second.parent
    assert first.parent.parent == tmp_path
    assert first.suffix == ".exr"
    first.write_bytes(b"x")
    own.clear()
    own.clear()
    assert not first.parent.exists()

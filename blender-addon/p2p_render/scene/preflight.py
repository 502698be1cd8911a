# SPDX-License-Identifier: GPL-2.0-or-later
"""What would go wrong, shown before the render: facts in, findings out. A finding may name the operator that fixes it."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..bridge.blender_build import LocalBlender, is_same_build
from ..bridge.job_submission import SceneSettings
from ..bridge.wire.generated import PeerSummary, SwarmStatus

ERROR, WARNING, INFO = "error", "warning", "info"


@dataclass(frozen=True)
class SceneFacts:
    """What the open scene is like."""

    engine: str
    has_camera: bool
    cameras: tuple[str, ...] = ()
    is_saved: bool = True
    is_dirty: bool = False
    missing_files: tuple[str, ...] = ()
    unsaved_images: tuple[str, ...] = ()
    is_denoised: bool = False
    can_denoise: bool = True
    uses_freestyle: bool = False
    # Builds by Linux distributions have no hash: the bridge then computes one, and knows them by the program's path.
    build_hash: str = ""
    version: str = ""
    program: str = ""


@dataclass(frozen=True)
class Finding:
    """`fix` is the name of an operator, `label` the text of its button."""

    level: str
    message: str
    fix: str | None = None
    label: str = ""


def check(facts: SceneFacts, swarm: SwarmStatus | None, settings: SceneSettings) -> list[Finding]:
    """All findings, worst first."""
    found = [finding for check_facts in CHECKS for finding in check_facts(facts)]
    found += _check_peers(facts, swarm, settings) if swarm is not None else []
    return sorted(found, key=lambda finding: (ERROR, WARNING, INFO).index(finding.level))


def _check_camera(facts: SceneFacts) -> Iterator[Finding]:
    if facts.has_camera:
        return
    if facts.cameras:
        yield Finding(ERROR, "The scene has no active camera.", "p2p_render.fix_camera", f"Use {facts.cameras[0]}")
    else:
        yield Finding(ERROR, "The scene has no camera.", "p2p_render.fix_camera", "Add One at the View")


def _check_engine(facts: SceneFacts) -> Iterator[Finding]:
    if facts.engine in {"CYCLES", "P2P_SWARM"}:
        return
    yield Finding(
        WARNING,
        f"{facts.engine.replace('_', ' ').title()} cannot render tiles: each frame is rendered whole by one peer.",
        "p2p_render.fix_engine",
        "Switch to Cycles",
    )


def _check_missing_files(facts: SceneFacts) -> Iterator[Finding]:
    if facts.missing_files:
        names = ", ".join(facts.missing_files[:3]) + (" and more" if len(facts.missing_files) > 3 else "")
        yield Finding(WARNING, f"Missing files, which will be pink or empty: {names}.", "p2p_render.fix_missing_files", "Find Them")


def _check_unsaved_images(facts: SceneFacts) -> Iterator[Finding]:
    if facts.unsaved_images:
        names = ", ".join(facts.unsaved_images[:3])
        yield Finding(
            WARNING,
            f"Images with unsaved changes, which peers do not get: {names}.",
            "p2p_render.fix_unsaved_images",
            "Save Images",
        )


def _check_saved(facts: SceneFacts) -> Iterator[Finding]:
    if not facts.is_saved:
        message = "The scene was never saved: an output path that begins with // leads nowhere."
        yield Finding(WARNING, message, "p2p_render.fix_save", "Save It")
    elif facts.is_dirty:
        message = "There are unsaved changes: the open scene is rendered as it is, the file is not changed."
        yield Finding(INFO, message, "p2p_render.fix_save", "Save")


def _check_denoising(facts: SceneFacts) -> Iterator[Finding]:
    if not facts.is_denoised:
        return
    if not facts.can_denoise:
        yield Finding(
            ERROR, "Denoising is on, and this Blender was built without the denoiser.", "p2p_render.fix_denoising", "Switch Off"
        )
    else:
        yield Finding(
            INFO, "Denoising needs whole frames, so a still is rendered by one peer.", "p2p_render.fix_denoising", "Switch Off"
        )


def _check_freestyle(facts: SceneFacts) -> Iterator[Finding]:
    if facts.uses_freestyle:
        yield Finding(INFO, "Freestyle lines are drawn by this computer, after the swarm has rendered the rest.")


CHECKS = (
    _check_camera,
    _check_engine,
    _check_missing_files,
    _check_unsaved_images,
    _check_saved,
    _check_denoising,
    _check_freestyle,
)


def _check_peers(facts: SceneFacts, swarm: SwarmStatus, settings: SceneSettings) -> list[Finding]:
    """Whether anybody can help, and whether anybody can render at all."""
    if settings.donors == "LOCAL":
        return []
    matching = [peer for peer in swarm.peers if has_same_blender(peer, facts, swarm)]
    if not settings.local and not matching:
        return [Finding(ERROR, f"Nobody can render: this computer does not help, and no peer has this Blender ({facts.version}).")]
    if swarm.peers and not matching:
        return [Finding(WARNING, f"No peer has this Blender ({facts.version}): this computer renders alone.")]
    return []


def has_same_blender(peer: PeerSummary, facts: SceneFacts, swarm: SwarmStatus) -> bool:
    """Whether a peer has the same Blender, down to the commit: only then are all pixels the same."""
    local = LocalBlender(facts.program, facts.version, facts.build_hash)
    same_version = [build for build in swarm.this_computer.blenders if build.version == facts.version]
    own = [build for build in same_version if build.path == facts.program]
    own = own or [build for build in same_version if is_same_build(local, build)]
    hashes = {build.build_hash for build in own} or {facts.build_hash}
    return any(build.version == facts.version and build.build_hash in hashes for build in peer.builds)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What would go wrong, told before the render: facts in, findings out. Each finding may name what mends it."""

from dataclasses import dataclass

from .builds import OwnBlender, same_as

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
    output: str = ""
    # Distributions' builds have no hash: the bridge then has one of its own, by the program's path.
    build_hash: str = ""
    version: str = ""
    program: str = ""


@dataclass(frozen=True)
class Finding:
    """A sentence; `fix` is the name of an operator, `label` the text of its button."""

    level: str
    message: str
    fix: str | None = None
    label: str = ""


def look(facts, swarm, choices):
    """Everything that is worth a word, worst first."""
    found = [finding for check in CHECKS for finding in check(facts)]
    found += _peers(facts, swarm, choices) if swarm is not None else []
    return sorted(found, key=lambda finding: (ERROR, WARNING, INFO).index(finding.level))


def _camera(facts):
    if facts.has_camera:
        return
    if facts.cameras:
        yield Finding(ERROR, "The scene has no active camera.", "p2p_render.fix_camera", f"Use {facts.cameras[0]}")
    else:
        yield Finding(ERROR, "The scene has no camera.", "p2p_render.fix_camera", "Add One at the View")


def _engine(facts):
    if facts.engine in {"CYCLES", "P2P_SWARM"}:
        return
    yield Finding(
        WARNING,
        f"{facts.engine.replace('_', ' ').title()} cannot be cut into tiles: each frame is rendered whole by one peer.",
        "p2p_render.fix_engine",
        "Switch to Cycles",
    )


def _missing(facts):
    if facts.missing_files:
        names = ", ".join(facts.missing_files[:3]) + (" and more" if len(facts.missing_files) > 3 else "")
        yield Finding(WARNING, f"Missing files, which will be pink or empty: {names}.", "p2p_render.fix_missing_files", "Find Them")


def _unsaved_images(facts):
    if facts.unsaved_images:
        names = ", ".join(facts.unsaved_images[:3])
        yield Finding(
            WARNING, f"Painted but not saved, so peers get the old picture: {names}.", "p2p_render.fix_unsaved_images", "Save Images"
        )


def _saving(facts):
    if not facts.is_saved:
        yield Finding(
            WARNING, "The scene was never saved: an output path that begins with // leads nowhere.", "p2p_render.fix_save", "Save It"
        )
    elif facts.is_dirty:
        yield Finding(INFO, "There are unsaved changes: what you see is rendered, the file stays as it is.", "p2p_render.fix_save", "Save")


def _denoising(facts):
    if not facts.is_denoised:
        return
    if not facts.can_denoise:
        yield Finding(ERROR, "Denoising is on, and this Blender was built without the denoiser.", "p2p_render.fix_denoising", "Switch Off")
    else:
        yield Finding(INFO, "Denoising needs whole frames, so a still is rendered by one peer.", "p2p_render.fix_denoising", "Switch Off")


def _freestyle(facts):
    if facts.uses_freestyle:
        yield Finding(INFO, "Freestyle lines are drawn by this computer, after the swarm has rendered the rest.")


CHECKS = (_camera, _engine, _missing, _unsaved_images, _saving, _denoising, _freestyle)


def _peers(facts, swarm, choices):
    """Whether anybody could help, and whether anybody could render at all."""
    if choices.donors == "LOCAL":
        return []
    fitting = [peer for peer in swarm.peers if fits(peer, facts, swarm)]
    if not choices.local and not fitting:
        return [Finding(ERROR, f"Nobody may render: this computer does not help, and no peer has this Blender ({facts.version}).")]
    if swarm.peers and not fitting:
        return [Finding(WARNING, f"No peer has this Blender ({facts.version}): this computer renders alone.")]
    return []


def fits(peer, facts, swarm):
    """Whether a peer has the same Blender, to the commit: only then are all pixels the same."""
    me = OwnBlender(facts.program, facts.version, facts.build_hash)
    alike = [build for build in swarm.this_computer.blenders if build.version == facts.version]
    own = [build for build in alike if build.path == facts.program] or [build for build in alike if same_as(me, build)]
    hashes = {build.build_hash for build in own} or {facts.build_hash}
    return any(build.version == facts.version and build.build_hash in hashes for build in peer.builds)

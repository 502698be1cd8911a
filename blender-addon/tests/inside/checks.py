# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks inside Blender; pytest counts each function as one test."""

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

import p2p_render
from p2p_render import constants
from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.bridge.job_submission import SceneSettings
from p2p_render.properties import settings_of
from p2p_render.render import engine_switch, render_requests
from p2p_render.scene import missing_files, preflight, scene_facts
from p2p_render.scene.render_engine import set_engine
from p2p_render.scene.scene_copy import save_copy
from p2p_render.ui import cycles_panels

# The type stubs do not know our operators.
operators: Any = getattr(bpy.ops, "p2p_render")  # noqa: B009 - it exists at run time only


def libraries() -> Any:
    """Read anew each time: it is invalid once another file is opened. The type stubs lack its context manager."""
    return bpy.data.libraries


def current_scene() -> bpy.types.Scene:
    scene = bpy.context.scene
    assert scene is not None
    return scene


OPERATORS = [
    "render_image",
    "render_animation",
    "cancel",
    "pause",
    "resume",
    "go_on",
    "open_source",
    "remove",
    "play",
    "open_folder",
    "start_bridge",
    "check",
    "toggle_peer",
    "check_scene",
    "fix_camera",
    "fix_engine",
    "fix_missing_files",
    "fix_unsaved_images",
    "fix_save",
    "fix_denoising",
]


@contextmanager
def registered() -> Iterator[None]:
    p2p_render.register()
    try:
        yield
    finally:
        p2p_render.unregister()


def fresh_scene() -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True)


def footprint() -> tuple[object, ...]:
    """Everything that the add-on has registered in Blender."""
    gc.collect()
    classes = {
        cls.__name__
        for cls in bpy.types.bpy_struct.__subclasses__()
        for cls in cls.__subclasses__()
        if cls.__name__.startswith("P2P_RENDER")
    }
    handlers = {
        name: len(getattr(bpy.app.handlers, name))
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
    }
    menus = {
        name: len(getattr(bpy.types, name).draw._draw_funcs)
        for name in ("TOPBAR_MT_render", "STATUSBAR_HT_header")
        if hasattr(getattr(bpy.types, name).draw, "_draw_funcs")
    }
    panels = sum(constants.ENGINE_ID in panel.COMPAT_ENGINES for panel in cycles_panels.cycles_panels())
    return classes, handlers, menus, panels, hasattr(bpy.types.Scene, "p2p_render"), hasattr(bpy.types, "P2P_RENDER_PT_main")


def check_unregister_leaves_nothing_behind() -> None:
    with registered():
        pass  # Blender keeps some things after the first registration, such as wrapped draw functions
    before = footprint()
    for _ in range(10):
        with registered():
            assert hasattr(bpy.types, "P2P_RENDER_PT_main")
    assert footprint() == before


def check_every_operator_is_registered_with_a_description() -> None:
    with registered():
        for name in OPERATORS:
            rna = getattr(operators, name).get_rna_type()
            assert rna.name and rna.description, name
    assert not hasattr(bpy.types, "P2P_RENDER_OT_render_image")


def check_class_names_follow_the_convention_of_blender() -> None:
    with registered():
        ours = [name for name in dir(bpy.types) if name.startswith("P2P_RENDER")]
        assert len(ours) >= len(OPERATORS) + 4, ours
        kinds = ("P2P_RENDER_OT_", "P2P_RENDER_PT_", "P2P_RENDER_PG_", "P2P_RENDER_AP_", "P2P_RENDER_RE_")
        assert all(name.startswith(kinds) for name in ours), ours


def check_the_panels_of_cycles_are_visible_under_our_engine() -> None:
    with registered():
        scene = current_scene()
        shown = {}
        for engine in ("CYCLES", constants.ENGINE_ID):
            set_engine(scene, engine)
            shown[engine] = {panel.__name__ for panel in cycles_panels.cycles_panels() if polls(panel)}
        assert len(shown["CYCLES"]) > 20
        missing = shown["CYCLES"] - shown[constants.ENGINE_ID]
        assert len(missing) <= 3, missing
        set_engine(scene, "CYCLES")


def polls(panel: Any) -> bool:
    try:
        return panel.poll(bpy.context) if hasattr(panel, "poll") else True
    except AttributeError:  # wants an editor that is not there
        return False


def check_the_copy_changes_nothing_and_keeps_relative_paths_valid() -> None:
    with registered(), tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/work/lamp.blend"
        Path(f"{folder}/work/tex").mkdir(parents=True)
        image = bpy.data.images.new("tex", 4, 4)
        image.filepath_raw, image.file_format = f"{folder}/work/tex/t.png", "PNG"
        image.save()
        image.source, image.filepath, image.use_fake_user = "FILE", f"{folder}/work/tex/t.png", True
        bpy.ops.wm.save_as_mainfile(filepath=path)
        bpy.ops.file.make_paths_relative()
        relative = image.filepath
        assert relative.startswith("//"), relative
        stamp = Path(path).stat().st_mtime_ns
        set_engine(current_scene(), constants.ENGINE_ID)
        copy = save_copy(BridgeSettings(home=f"{folder}/home"))
        assert bpy.data.filepath == path
        assert image.filepath == relative
        assert Path(path).stat().st_mtime_ns == stamp
        assert current_scene().render.engine == constants.ENGINE_ID
        assert bpy.path.basename(copy) == "lamp.blend"
        with libraries().load(copy, link=True) as (there, wanted):
            wanted.images = [name for name in there.images if name == "tex"]
            wanted.scenes = there.scenes
        linked = wanted.images[0]
        found = bpy.path.abspath(linked.filepath, library=linked.library)
        assert os.path.realpath(found) == os.path.realpath(f"{folder}/work/tex/t.png")
        assert [scene.render.engine for scene in wanted.scenes] == ["CYCLES"]
        fresh_scene()


def check_a_swapped_engine_is_restored_and_a_file_saved_meanwhile_has_the_former_one() -> None:
    with registered(), tempfile.TemporaryDirectory() as folder:
        scene = current_scene()
        set_engine(scene, "CYCLES")
        engine_switch.swap_in()
        assert scene.render.engine == constants.ENGINE_ID
        bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/a.blend", copy=True)
        assert scene.render.engine == constants.ENGINE_ID
        with libraries().load(f"{folder}/a.blend", link=True) as (there, wanted):
            wanted.scenes = there.scenes
        assert [each.render.engine for each in wanted.scenes] == ["CYCLES"]
        assert engine_switch.restore()
        assert scene.render.engine == "CYCLES"
        assert not engine_switch.restore()
        fresh_scene()


def check_a_scene_that_uses_our_engine_keeps_it() -> None:
    with registered():
        scene = current_scene()
        set_engine(scene, constants.ENGINE_ID)
        engine_switch.swap_in()
        engine_switch.restore()
        assert scene.render.engine == constants.ENGINE_ID
        set_engine(scene, "CYCLES")


def check_frame_ranges_are_written_as_the_bridge_expects() -> None:
    with registered():
        scene = current_scene()
        scene.frame_start, scene.frame_end, scene.frame_step = 1, 10, 3
        scene.frame_set(4)
        assert render_requests.frames_of(scene) == [1, 4, 7, 10]
        assert render_requests.range_text(scene, [4]) is None
        assert render_requests.range_text(scene, render_requests.frames_of(scene)) is None
        assert render_requests.range_text(scene, [4, 7, 10]) == "4..10x3"
        assert render_requests.range_text(scene, [7]) == "7..7x1"
        scene.frame_set(-5)
        assert render_requests.range_text(scene, [-5]) is None
        scene.frame_start, scene.frame_end, scene.frame_step = 1, 250, 1


def check_the_preflight_finds_a_missing_texture_and_camera_and_fixes_the_camera() -> None:
    with registered():
        fresh_scene()
        scene = current_scene()
        set_engine(scene, "CYCLES")
        scene.camera = None
        image = bpy.data.images.new("gone", 4, 4)
        image.source, image.filepath, image.use_fake_user = "FILE", "/nowhere/gone.png", True
        assert ("gone", "/nowhere/gone.png") in missing_files.read_paths()
        missing_files.missing_files.names = ("gone",)
        messages = [finding.message for finding in preflight.check(scene_facts.facts_of(current_scene()), None, SceneSettings())]
        assert messages[0] == "The scene has no active camera."
        assert any("gone" in message for message in messages)
        assert operators.fix_camera() == {"FINISHED"}
        assert scene.camera is not None
        missing_files.missing_files.names = ()


def check_a_render_without_a_camera_is_refused_with_a_message() -> None:
    with registered():
        scene = current_scene()
        for item in [item for item in scene.objects if item.type == "CAMERA"]:
            bpy.data.objects.remove(item)
        try:
            operators.render_image()
            raise AssertionError("it was not refused")
        except RuntimeError as error:
            assert "The scene has no camera." in str(error)
        assert scene.render.engine != constants.ENGINE_ID


def check_listed_peers_are_saved_in_the_scene() -> None:
    with registered():
        settings = settings_of(current_scene())
        operators.toggle_peer(peer="12D3")
        assert [peer.name for peer in settings.listed] == ["12D3"]
        operators.toggle_peer(peer="12D3")
        assert not settings.listed

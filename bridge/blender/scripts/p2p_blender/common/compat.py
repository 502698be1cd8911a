# SPDX-License-Identifier: GPL-2.0-or-later
"""Differences between Blender 3.4, 4.3 and 5.2: the only module that tests which API exists.

Every function tests for the feature, never for the version number.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

import bpy

from . import cycles, rna

# Built-in engines; EEVEE has two ids, depending on the version.
BUILT_IN_ENGINES = ("CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")
# Grease Pencil objects: the second is the type of 4.3 and later.
GREASE_PENCIL_TYPES = ("GPENCIL", "GREASEPENCIL")
# Where geometry nodes are baked to: 3.6 and 4.0, and later ones.
BAKE_FOLDER_PROPERTIES = ("simulation_bake_directory", "bake_directory")

# Bits of a pixel, as ImageFormatData.planes counts them.
PLANES = {"BW": 8, "RGB": 24, "RGBA": 32}


def keep_planes(settings: bpy.types.ImageFormatSettings, mode: str) -> None:
    """Keeps the colour mode as -F does, also where the new format does not have it: JPEG then blends RGBA in its own way.

    The property cannot say so. The struct can: its first bytes are imtype, depth and planes (DNA_scene_types.h), and they are
    written only where the third one is what the property says.
    """
    memory = (ctypes.c_uint8 * 3).from_address(settings.as_pointer())
    if memory[2] == PLANES.get(settings.color_mode):
        memory[2] = PLANES[mode]


def set_file_format(settings: Any, file_format: str) -> None:
    """Sets an image format on ImageFormatSettings with the outcome of Blender's own -F.

    5.x sorts formats into media types, which come first. Before that, -F kept a colour depth that the new
    format does not have, which then wrote 8 bits, whereas setting the property takes the most bits it has.
    """
    if hasattr(settings, "media_type"):
        settings.media_type = media_type_of(file_format)
        settings.file_format = file_format
        return
    depth, mode = settings.color_depth, settings.color_mode
    settings.file_format = file_format
    if settings.color_mode != mode and mode in PLANES:
        keep_planes(settings, mode)
    if settings.color_depth != depth:
        # OpenEXR has 16 and 32: any depth but 16 means 32.
        with contextlib.suppress(TypeError):
            settings.color_depth = "8"


def media_type_of(file_format: str) -> str:
    """The 5.x media type that a format belongs to."""
    if file_format == "OPEN_EXR_MULTILAYER":
        return "MULTI_LAYER_IMAGE"
    return "VIDEO" if file_format in {"FFMPEG", "AVI_JPEG", "AVI_RAW"} else "IMAGE"


def compositor_tree(scene: Any) -> Any:
    """The scene's compositor nodes, or None; a node group of its own since 5.0."""
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def redirect_file_output(node: Any, folder: str) -> None:
    """Makes a File Output node write into `folder` (ends in a separator), keeping the base of its names."""
    if hasattr(node, "directory"):
        node.directory = folder
    elif node.format.file_format == "OPEN_EXR_MULTILAYER":
        node.base_path = folder + bpy.path.basename(node.base_path.replace("\\", "/"))
    else:
        node.base_path = folder


def file_output_path(node: Any) -> str:
    """Where a File Output node writes: read, and put back with `restore_file_output`."""
    return node.directory if hasattr(node, "directory") else node.base_path


def restore_file_output(node: Any, path: str) -> None:
    """Puts back what `file_output_path` read."""
    if hasattr(node, "directory"):
        node.directory = path
    else:
        node.base_path = path


def strips_of(scene: bpy.types.Scene) -> list[Any]:
    """All strips of a scene's sequencer, those inside meta strips too (called sequences before 4.4)."""
    editor: Any = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def animation_curves(owner: Any) -> list[Any]:
    """The F-curves and drivers of a data-block; actions hold layers and slots since 4.4."""
    data = owner.animation_data
    if data is None:
        return []
    curves = list(data.drivers)
    action = data.action
    if action is None:
        return curves
    if hasattr(action, "fcurves"):
        return curves + list(action.fcurves)
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot) if data.action_slot else None
            curves += list(bag.fcurves) if bag else []
    return curves


def _render_operator() -> Any:
    return bpy.ops.render.render


def render_takes_frame_range() -> bool:
    """True where the render operator has a frame range of its own, so that the scene's need not change."""
    return "frame_start" in _render_operator().get_rna_type().properties


def compositor_trees() -> list[Any]:
    """Every compositor tree of the file: of all scenes, and node groups."""
    scenes: list[Any] = list(bpy.data.scenes)
    legacy = [scene for scene in scenes if not hasattr(scene, "compositing_node_group")]
    groups = [tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree"]
    return [scene.node_tree for scene in legacy if scene.node_tree] + groups


def file_output_names(node: Any) -> list[str]:
    """What a File Output node appends to its folder: one name pattern a file; an empty one stands for the frame number alone."""
    if hasattr(node, "directory"):
        is_one_file = node.format.file_format == "OPEN_EXR_MULTILAYER"
        return [node.file_name] if is_one_file else [node.file_name + item.name for item in node.file_output_items]
    if node.format.file_format == "OPEN_EXR_MULTILAYER":
        return [bpy.path.basename(node.base_path.replace("\\", "/"))]
    return [slot.path for slot in node.file_slots]


def file_output_writes(node: Any) -> list[tuple[str, bpy.types.ImageFormatSettings, list[Any]]]:
    """The files of a File Output node: path pattern, image format, and the sockets of which one at least must be linked."""
    is_one_file = node.format.file_format == "OPEN_EXR_MULTILAYER"
    if is_one_file:
        path = joined(node.directory, node.file_name) if hasattr(node, "directory") else node.base_path
        return [(path, node.format, list(node.inputs))]
    if hasattr(node, "directory"):
        items = zip(node.file_output_items, node.inputs, strict=False)
        names = [(node.file_name + item.name, item.override_node_format, item.format, socket) for item, socket in items]
        return [(joined(node.directory, name), own if is_own else node.format, [socket]) for name, is_own, own, socket in names]
    slots = zip(node.file_slots, node.inputs, strict=False)
    return [
        (joined(node.base_path, slot.path), node.format if slot.use_node_format else slot.format, [socket])
        for slot, socket in slots
    ]


def joined(folder: str, name: str) -> str:
    """A folder and a name as Blender joins them: with one separator, without one where the name is empty."""
    stem = folder.rstrip("/\\")
    if not stem:
        return folder + name.lstrip("/\\")  # the root, the .blend's own folder, or none
    return stem + "/" + name.lstrip("/\\") if name else stem


def file_output_folder(node: Any) -> str:
    """The folder pattern that `file_output_names` are relative to."""
    if not hasattr(node, "directory") and node.format.file_format == "OPEN_EXR_MULTILAYER":
        path = node.base_path.replace("\\", "/")
        return path[: len(path) - len(bpy.path.basename(path))]
    return file_output_path(node)


def render_frames(scene: bpy.types.Scene, start: int, end: int) -> None:
    """Renders frames of the context's scene as `blender -b -f` does, leaving the scene's own range what it is."""
    if render_takes_frame_range():
        bpy.ops.render.render(animation=True, frame_start=start, frame_end=end)
        return
    before = (scene.frame_start, scene.frame_end)

    def put_back(*_: Any) -> None:
        # Called after Blender has read the range and before it reads the scene: file names and stamps show the range.
        scene.frame_start, scene.frame_end = before

    bpy.app.handlers.render_init.append(put_back)
    scene.frame_start, scene.frame_end = start, end
    try:
        if (scene.frame_start, scene.frame_end) != (start, end):
            raise RuntimeError(f"Blender does not render frames {start} to {end} of this scene")
        bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.render_init.remove(put_back)
        put_back()


def sample_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """The first sample that Cycles renders, and how many from there on."""
    settings = cycles.settings(scene)
    if not hasattr(settings, "use_sample_subset"):
        return settings.sample_offset, settings.samples
    if not settings.use_sample_subset:
        return 0, settings.samples
    return settings.sample_offset, min(settings.sample_subset_length, settings.samples - settings.sample_offset)


def sample_range_values(scene: bpy.types.Scene, start: int, count: int) -> dict[str, Any]:
    """The settings with which Cycles renders `count` samples from `start` on: a part of those that the scene would have."""
    settings = cycles.settings(scene)
    if not hasattr(settings, "use_sample_subset"):
        return {"sample_offset": start, "samples": count}
    part = {"use_sample_subset": True, "sample_offset": start, "sample_subset_length": count}
    return {**part, "samples": max(settings.samples, start + count)}


def counts_volume_samples(scene: bpy.types.Scene) -> bool:
    """Whether Cycles keeps a count of samples for every pixel where there are volumes, and guides them by their neighbours (5.0)."""
    settings = cycles.settings(scene)
    return hasattr(settings, "volume_biased") and not settings.volume_biased


def denoising_quality(scene: bpy.types.Scene) -> str:
    """HIGH, BALANCED or FAST (4.2); before there was one."""
    return getattr(cycles.settings(scene), "denoising_quality", "HIGH")


def may_denoise_on_gpu(scene: bpy.types.Scene) -> bool:
    """Whether Cycles denoises where it renders, if that is a GPU (4.1)."""
    return getattr(cycles.settings(scene), "denoising_use_gpu", False)


def layer_samples(scene: bpy.types.Scene, start: int, count: int) -> int:
    """What a view layer's own number of samples must be to have `count` of them with `sample_range_values` from `start`."""
    return start + count if hasattr(cycles.settings(scene), "use_sample_subset") else count


def version() -> tuple[int, ...]:
    """This Blender's version. What it can do is asked by feature, not by version."""
    return tuple(bpy.app.version)


def saved_version() -> tuple[int, ...]:
    """The version of the Blender that saved the open file."""
    saved: Any = bpy.data.version
    return tuple(saved)


def version_text() -> str:
    """This Blender's version as the bridge knows it."""
    return ".".join(str(part) for part in version())


def known_values(owner: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values for which this Blender has a property."""
    return {name: value for name, value in values.items() if hasattr(owner, name)}


def is_packed_archive(library: bpy.types.Library) -> bool:
    """Whether a library is a copy inside this file (5.0)."""
    return bool(getattr(library, "is_archive", False))


def bake_folder(modifier: Any) -> str:
    """The folder that a geometry nodes modifier is baked into; empty where it has none."""
    return getattr(modifier, "bake_directory", "") or getattr(modifier, "simulation_bake_directory", "")


def single_bakes(modifier: Any) -> list[Any]:
    """The bakes of a geometry nodes modifier's own nodes (4.1)."""
    return list(getattr(modifier, "bakes", ()))


def is_baked_into_file(bake: Any) -> bool:
    """Whether a single bake holds data-blocks inside the file, where Blender shows them."""
    return len(getattr(bake, "data_blocks", ())) > 0


def has_hair_or_points() -> bool:
    """Whether the file holds hair curves or point clouds."""
    return any(len(rna.value_of(bpy.data, name) or ()) > 0 for name in ("hair_curves", "pointclouds"))

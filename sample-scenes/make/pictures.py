# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes that test the picture: compositor, passes, borders, film, stereo, stamp."""

from __future__ import annotations

import bpy
from common import chain, compositor, cycles, empty_file, frames, material, mesh, place, save, still_life, turn


def compositor_glare() -> None:
    scene = empty_file()
    cycles(scene, samples=12)
    still_life(scene)
    tree = compositor(scene)
    layers, glare = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeGlare")
    glare.glare_type, glare.quality, glare.threshold = "STREAKS", "HIGH", 0.8
    lens, out = tree.nodes.new("CompositorNodeLensdist"), tree.nodes.new("CompositorNodeComposite")
    lens.inputs["Distort"].default_value, lens.inputs["Dispersion"].default_value = 0.06, 0.03
    chain(tree, layers, glare, lens, out)
    save("compositor-glare")


def layers_cryptomatte() -> None:
    scene = empty_file()
    cycles(scene)
    things = still_life(scene)
    first = scene.view_layers[0]
    first.name = "Dinge im Licht"
    for flag in (
        "use_pass_z",
        "use_pass_mist",
        "use_pass_normal",
        "use_pass_vector",
        "use_pass_uv",
        "use_pass_diffuse_direct",
        "use_pass_diffuse_color",
        "use_pass_glossy_direct",
        "use_pass_transmission_color",
        "use_pass_emit",
        "use_pass_shadow",
        "use_pass_ambient_occlusion",
    ):
        setattr(first, flag, True)
    for flag in ("use_pass_cryptomatte_object", "use_pass_cryptomatte_material", "use_pass_cryptomatte_asset"):
        setattr(first, flag, True)
    aov = first.aovs.add()
    aov.name = "Facing.x"
    tree = things["head"].data.materials[0].node_tree
    facing, output = tree.nodes.new("ShaderNodeLayerWeight"), tree.nodes.new("ShaderNodeOutputAOV")
    output.name = "Facing.x"
    tree.links.new(facing.outputs["Facing"], output.inputs["Value"])
    first.lightgroups.add().name = "Key"
    bpy.data.objects["Key"].lightgroup = "Key"
    second = scene.view_layers.new("Clay only")
    second.material_override = material("Override", (0.8, 0.8, 0.8), Roughness=1.0)
    second.samples = 4
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    scene.render.image_settings.color_depth = "32"
    save("layers-cryptomatte")


def border_motion() -> None:
    scene = empty_file()
    cycles(scene, 222, 125, 8)
    things = still_life(scene)
    scene.render.resolution_percentage = 75
    scene.render.use_border = True
    scene.render.border_min_x, scene.render.border_max_x = 0.13, 0.87
    scene.render.border_min_y, scene.render.border_max_y = 0.21, 0.93
    lens = things["camera"].data.dof
    lens.use_dof, lens.focus_object, lens.aperture_fstop = True, things["ball"], 0.4
    scene.render.use_motion_blur = True
    turn(things["ring"], 1, 3, 120)
    frames(scene, 1, 3)
    save("border-motion")


def border_crop() -> None:
    scene = empty_file()
    cycles(scene, 161, 91)
    still_life(scene)
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_min_x, scene.render.border_max_x = 0.071, 0.613
    scene.render.border_min_y, scene.render.border_max_y = 0.233, 0.899
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.samples, scene.cycles.adaptive_min_samples, scene.cycles.adaptive_threshold = 48, 8, 0.05
    save("border-crop-adaptive")


def transparent() -> None:
    scene = empty_file()
    cycles(scene)
    things = still_life(scene, backdrop=False)
    scene.render.film_transparent = True
    scene.view_layers[0].use_sky = True
    scene.render.image_settings.color_mode, scene.render.image_settings.color_depth = "RGBA", "16"
    things["ring"].is_holdout = True
    place(scene, "Shade", mesh("plane", size=8), (0, 0, 0), material("Shade", (0.5, 0.5, 0.5))).is_shadow_catcher = False
    save("transparent-16bit")


def stereo(name: str, multilayer: bool) -> None:
    scene = empty_file()
    cycles(scene, 120, 68)
    things = still_life(scene)
    scene.render.use_multiview = True
    things["camera"].data.stereo.convergence_distance = 5.2
    settings = scene.render.image_settings
    if multilayer:
        settings.file_format = "OPEN_EXR_MULTILAYER"
        settings.views_format = "MULTIVIEW"
    else:
        settings.views_format = "INDIVIDUAL"
        scene.render.dither_intensity = 2
        scene.view_settings.exposure, scene.view_settings.gamma = 0.4, 1.1
    save(name)


def stamp() -> None:
    scene = empty_file()
    cycles(scene, 240, 135, 4)
    still_life(scene)
    render = scene.render
    render.use_stamp = True
    for flag in ("date", "time", "render_time", "memory", "hostname", "filename"):
        setattr(render, f"use_stamp_{flag}", False)
    render.use_stamp_note, render.stamp_note_text = True, "swarm"
    render.use_stamp_frame = render.use_stamp_camera = render.use_stamp_lens = render.use_stamp_scene = True
    render.stamp_font_size = 12
    render.image_settings.file_format, render.image_settings.quality = "JPEG", 92
    save("stamp")


def file_output() -> None:
    scene = empty_file()
    cycles(scene)
    still_life(scene)
    scene.view_layers[0].use_pass_z = True
    tree = compositor(scene)
    layers, out = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeComposite")
    chain(tree, layers, out)
    pictures = tree.nodes.new("CompositorNodeOutputFile")
    pictures.base_path = "//render/parts/"
    pictures.file_slots[0].path = "beauty_"
    tree.links.new(layers.outputs["Image"], pictures.inputs[0])
    passes = tree.nodes.new("CompositorNodeOutputFile")
    passes.format.file_format, passes.base_path = "OPEN_EXR_MULTILAYER", "//render/passes_"
    passes.layer_slots.clear()
    for slot, socket in (("Beauty", "Image"), ("Far", "Depth")):
        passes.layer_slots.new(slot)
        tree.links.new(layers.outputs[socket], passes.inputs[slot])
    muted = tree.nodes.new("CompositorNodeOutputFile")
    muted.mute, muted.base_path = True, "//render/never"
    tree.links.new(layers.outputs["Image"], muted.inputs[0])
    save("file-output")


def driven_compositor() -> None:
    scene = empty_file()
    cycles(scene)
    things = still_life(scene)
    turn(things["head"], 1, 4, 60)
    tree = compositor(scene)
    layers, bright = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeBrightContrast")
    blur, out = tree.nodes.new("CompositorNodeBlur"), tree.nodes.new("CompositorNodeComposite")
    blur.size_x = blur.size_y = 6
    bright.inputs["Bright"].driver_add("default_value").driver.expression = "frame * 2"
    blur.inputs["Size"].driver_add("default_value").driver.expression = "frame / 4"
    chain(tree, layers, bright, blur, out)
    frames(scene, 1, 4)
    save("driven-compositor")


def hot_corner() -> None:
    scene = empty_file()
    cycles(scene, 192, 108, 16)
    still_life(scene)
    scene.cycles.max_bounces, scene.cycles.transmission_bounces = 24, 24
    glass = material("Dense glass", (0.9, 1.0, 0.95), Roughness=0.1, Transmission=1.0)
    beads = mesh("ico_sphere", subdivisions=3, radius=0.11)
    beads.materials.append(glass)
    for index in range(60):
        place(scene, f"Bead {index}", beads, (1.45 + index % 4 * 0.19, -0.9 + index // 4 % 4 * 0.19, 0.12 + index // 16 * 0.19))
    save("hot-corner")


def workbench() -> None:
    scene = empty_file()
    cycles(scene)
    things = still_life(scene)
    scene.render.engine = "BLENDER_WORKBENCH"
    turn(things["head"], 1, 2, 30)
    frames(scene, 1, 2)
    save("workbench")


def make() -> None:
    compositor_glare()
    layers_cryptomatte()
    border_motion()
    border_crop()
    transparent()
    stereo("stereo-files", multilayer=False)
    stereo("stereo-multilayer", multilayer=True)
    stamp()
    file_output()
    driven_compositor()
    hot_corner()
    workbench()

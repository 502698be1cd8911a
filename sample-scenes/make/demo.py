# SPDX-License-Identifier: GPL-2.0-or-later
"""The two scenes that the demo renders: a still, and the same table in motion."""

from __future__ import annotations

import math
from typing import Any

import bpy
from common import camera, chain, compositor, cycles, empty_file, frames, light, material, mesh, place, save, sweep, turn

BEAD_COLOURS = ((0.8, 0.09, 0.05), (0.95, 0.55, 0.08), (0.03, 0.33, 0.36), (0.9, 0.85, 0.72))


def clear_glass(name: str, colour: tuple[float, ...]) -> Any:
    """Glass that transmits plain light without caustics, so that few samples give little noise."""
    made = material(name, colour, Roughness=0.0, Transmission=1.0)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    path, tint, mix = nodes.new("ShaderNodeLightPath"), nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeMixShader")
    tint.inputs["Color"].default_value = (*[0.25 + 0.65 * value for value in colour], 1)
    either = nodes.new("ShaderNodeMath")
    either.operation = "MAXIMUM"
    for index, kind in enumerate(("Is Shadow Ray", "Is Diffuse Ray")):
        links.new(path.outputs[kind], either.inputs[index])
    links.new(either.outputs[0], mix.inputs[0])
    links.new(nodes["Principled BSDF"].outputs[0], mix.inputs[1])
    links.new(tint.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], nodes["Material Output"].inputs["Surface"])
    return made


def clean_cycles(scene: Any, width: int, height: int, samples: int) -> None:
    """Cycles without the noisy light paths."""
    cycles(scene, width, height, samples)
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 1.5
    scene.cycles.blur_glossy = 1
    scene.cycles.max_bounces = 6
    scene.view_settings.look = "Medium High Contrast"


def table(scene: Any) -> Any:
    """A clay head among glass, brass and lacquer, in lamplight before a dark teal wall."""
    things = {}
    clay = material("Clay", (0.62, 0.17, 0.07), Roughness=0.42)
    brass = material("Brass", (0.96, 0.6, 0.2), Metallic=1.0, Roughness=0.16)
    lacquer = material("Lacquer", (0.012, 0.05, 0.16), Roughness=0.12)
    things["head"] = head(scene, clay)
    ball = mesh("uv_sphere", segments=42, ring_count=24)
    things["ball"] = place(scene, "Ball", ball, (0.62, -0.55, 0.4), clear_glass("Glass", (0.94, 0.985, 1.0)), scale=0.4)
    ring = mesh("torus", major_segments=72, minor_segments=14, major_radius=0.5, minor_radius=0.12)
    things["ring"] = place(scene, "Ring", ring, (1.36, 0.4, 0.6), brass, (1.5, 0.0, 0.6))
    box = mesh("cube", smooth=False, size=0.66)
    things["box"] = place(scene, "Box", box, (0.3, 0.95, 0.5), lacquer, (0, 0, 0.5))
    things["box"].scale.z = 1.5
    bevel = things["box"].modifiers.new("Round", "BEVEL")
    bevel.width, bevel.segments = 0.04, 3
    things["top"] = place(
        scene,
        "Top",
        mesh("uv_sphere", radius=0.27, segments=40, ring_count=24),
        (0.3, 0.95, 1.265),
        material("Pearl", (0.9, 0.82, 0.7), Roughness=0.2),
    )
    beads(scene)
    place(scene, "Table", sweep(), (0, 0, 0), material("Wall", (0.04, 0.115, 0.125), Roughness=0.6, Specular=0.25))
    light(scene, "Key", (-2.4, -2.2, 3.2), (1.0, 0.76, 0.52), 230, 1.0)
    light(scene, "Fill", (3.6, -2.0, 2.0), (0.4, 0.62, 1.0), 70, 2.2)
    light(scene, "Rim", (1.6, 2.4, 3.2), (1.0, 0.8, 0.6), 150, 0.7)
    return things


def head(scene: Any, mat: Any) -> Any:
    """A smooth head of two meshes of at most 1,024 faces (see `mesh`); the seam is not visible to the camera."""
    front = place(scene, "Head", mesh("monkey"), (-0.84, 0.25, 0.68), mat, (-0.6, 0, 0.36), 0.8)
    front.modifiers.new("Smooth", "SUBSURF").levels = 1
    whole = bpy.data.meshes.new_from_object(front.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    front.modifiers.clear()
    order = sorted(whole.polygons, key=lambda face: face.center.y)
    middle = len(order) // 2
    front.data = part(whole, order[:middle], mat)
    back = place(scene, "Back of the head", part(whole, order[middle:], mat), (0, 0, 0))
    back.parent = front
    return front


def part(whole: Any, faces: Any, mat: Any) -> Any:
    """Some faces of a mesh as a separate mesh."""
    corners = sorted({index for face in faces for index in face.vertices})
    place_of = {index: position for position, index in enumerate(corners)}
    made = bpy.data.meshes.new("Part")
    made.from_pydata(
        [whole.vertices[index].co for index in corners], [], [[place_of[index] for index in face.vertices] for face in faces]
    )
    assert len(made.polygons) <= 1024
    for face in made.polygons:
        face.use_smooth = True
    made.materials.append(mat)
    return made


def beads(scene: Any) -> None:
    """A loose string of lacquered beads across the foreground."""
    shape = mesh("uv_sphere", radius=0.1, segments=32, ring_count=16)
    colours = [material(f"Bead {index}", colour, Roughness=0.18) for index, colour in enumerate(BEAD_COLOURS)]
    for index in range(16):
        along = index / 15
        copy = shape.copy()
        x = -1.55 + 3.1 * along
        y = -0.75 + 0.22 * math.sin(along * 7.2) - 0.45 * along
        place(scene, f"Bead {index}", copy, (x, y, 0.1), colours[index * 5 % 4])


def demo_still() -> None:
    scene = empty_file()
    clean_cycles(scene, 480, 270, 48)
    things = table(scene)
    eye = camera(scene, (0.28, -6.4, 2.0), (0.07, 0.1, 0.6), 59)
    eye.data.dof.use_dof, eye.data.dof.focus_object, eye.data.dof.aperture_fstop = True, things["ball"], 1.0
    tree = compositor(scene)
    layers, glare, out = (tree.nodes.new(f"CompositorNode{kind}") for kind in ("RLayers", "Glare", "Composite"))
    glare.glare_type, glare.quality, glare.threshold, glare.size, glare.mix = "FOG_GLOW", "HIGH", 1.0, 7, -0.55
    chain(tree, layers, glare, out)
    save("demo-still")


def sway(thing: Any) -> None:
    """Rotates an object to one side and back in 12 frames."""
    middle = thing.rotation_euler.z
    for frame, side in ((1, -1), (7, 1), (13, -1)):
        thing.rotation_euler.z = middle + side * 0.35
        thing.keyframe_insert("rotation_euler", index=2, frame=frame)


def demo_animation() -> None:
    scene = empty_file()
    clean_cycles(scene, 320, 180, 16)
    things = table(scene)
    camera(scene, (0.28, -6.4, 2.0), (0.07, 0.1, 0.6), 59)
    turn(things["ring"], 1, 13, 180)
    sway(things["head"])
    frames(scene, 1, 12)
    scene.render.fps = 12
    scene.cycles.seed = 3
    save("demo-animation")


def make() -> None:
    demo_still()
    demo_animation()

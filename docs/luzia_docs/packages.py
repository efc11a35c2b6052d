"""The packages of luzia and their imports: read from the code, and drawn as docs/pictures/packages.svg.

The import test in tests/unit/house reads the imports with this module too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "pictures" / "packages.svg"
DIRECTORIES = {
    "luzia_protocol": ROOT / "protocol" / "luzia_protocol",
    "luziad": ROOT / "luziad",
    "luzia_client": ROOT / "luzia_client",
}

SEPARATE = ("luziad.app", "luziad.cli", "luzia_client.cli.commands", "luzia_client.cli.main")
"""Modules and inner packages that have boxes of their own; the others belong to the box of their package."""

WIDTH, GAP_X, GAP_Y = 196, 14, 34
LANE = 12
"""The width that a floor leaves for an arrow that passes between its boxes."""
BOXES_PER_FLOOR = 3
LINE, CHARACTERS = 13, 30
STYLE = """\
text { font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 11px; fill: #444 }
.name { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; font-weight: bold; fill: #111 }
.inner { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 10px; fill: #0a58a8 }
.title { font-size: 15px; font-weight: bold; fill: #111 }
rect { fill: #fff; stroke: #888 }
.house { fill: #f4f6f8; stroke: #ccd }
path { fill: none; stroke: #778; stroke-width: 1.3 }
@media (prefers-color-scheme: dark) {
svg { background: #15181c } text { fill: #bbb } .name, .title { fill: #eee } .inner { fill: #7db4f0 }
rect { fill: #22272e; stroke: #667 } .house { fill: #1a1e24; stroke: #334 } path { stroke: #99a }
}"""


def find_modules() -> dict[str, Path]:
    """Every module of the three packages: its dotted name, without `__init__`, and its file."""
    found = {}
    for package, directory in DIRECTORIES.items():
        for path in sorted(directory.rglob("*.py")):
            parts = path.relative_to(directory).with_suffix("").parts
            found[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return found


MODULES = find_modules()


def read_imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it; a module imported from its package has its whole name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in MODULES else base


IMPORTED = {
    name: {other for other in read_imports(path) if other in MODULES} - {name} for name, path in MODULES.items()
}
"""Module -> the modules of luzia that it imports."""


def read_docstring(path: Path) -> str:
    """The docstring of a module, empty if it has none."""
    return ast.get_docstring(ast.parse(path.read_text())) or ""


# ------------------------------------------------------------------ what is drawn


def box_of(module: str) -> str:
    """The box that a module is in."""
    separate = [name for name in SEPARATE if module == name or module.startswith(name + ".")]
    return separate[0] if separate else ".".join(module.split(".")[:2])


def import_graph(house: str) -> dict[str, set[str]]:
    """The boxes of `luziad` or `luzia_client`, and for each the others that it imports."""
    boxes = {name: box_of(name) for name in MODULES if name.startswith(house + ".")}
    packages = {box for box in boxes.values() if MODULES[box].name == "__init__.py" or box in SEPARATE}
    graph: dict[str, set[str]] = {box: set() for box in sorted(packages)}
    for name, box in boxes.items():
        if box in packages:
            graph[box] |= {boxes[other] for other in IMPORTED[name] if boxes.get(other) in packages} - {box}
    return graph


def direct_imports(graph: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The imports that no chain of other imports implies: these are the arrows."""

    def reachable(box: str) -> set[str]:
        return graph[box].union(*map(reachable, graph[box]))

    for box, others in sorted(graph.items()):
        implied = set().union(*map(reachable, others))
        yield from ((box, other) for other in sorted(others - implied))


def assign_floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """The floor of each box, counted from the ground: above all that it imports, and near to what imports it."""
    floors: dict[str, int] = {}

    def lowest(box: str) -> int:
        if box not in floors:
            floors[box] = 1 + max(map(lowest, graph[box]), default=-1)
        return floors[box]

    for box in graph:
        lowest(box)
    for box in sorted(graph, key=lambda box: (-floors[box], box)):
        users = [floors[other] for other in graph if box in graph[other]]
        higher = range(min(users, default=0) - 1, floors[box], -1)
        free = (floor for floor in higher if list(floors.values()).count(floor) < BOXES_PER_FLOOR)
        floors[box] = next(free, floors[box])
    return floors


def summary(box: str) -> str:
    """What a package is for: the first sentence of its docstring."""
    return read_docstring(MODULES[box]).split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".:").replace("`", "")


def inner_packages(box: str) -> str:
    """The packages directly inside of a package that have no box of their own."""
    inner = [name for name, path in MODULES.items() if path.name == "__init__.py" and name.rpartition(".")[0] == box]
    return " ".join(f"{name.rpartition('.')[2]}/" for name in inner if name not in SEPARATE and box.count(".") == 1)


# ------------------------------------------------------------------ drawing


class House:
    """One package with its boxes, arranged on floors so that each arrow has a free way. Its ground is at y = 0.

    Where an arrow passes a floor, the floor has a lane for it: a narrow item, named by the arrow, among the boxes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        graph = import_graph(name)
        floor_of = assign_floors(graph)
        self._floors: list[list[str]] = [[] for _ in range(max(floor_of.values()) + 1)]
        self._routes: list[list[str]] = []  # of each arrow: its box, its lanes, and its target
        for box, floor in sorted(floor_of.items()):
            self._floors[floor].append(box)
        for upper, lower in direct_imports(graph):
            passed = range(floor_of[upper] - 1, floor_of[lower], -1)
            lanes = {floor: f"{upper} {lower} {floor}" for floor in passed}
            for floor, lane in lanes.items():
                self._floors[floor].append(lane)
            self._routes.append([upper, *lanes.values(), lower])
        self.boxes = set(graph)
        self.width = max(map(self._floor_width, self._floors)) + 2 * GAP_X
        self._texts = {box: (wrap(summary(box), CHARACTERS), wrap(inner_packages(box), CHARACTERS)) for box in graph}
        self._x: dict[str, float] = {}  # the centers of boxes and lanes
        self._arrange()
        self._tops, self._heights, y = [], [], -GAP_Y / 2
        for items in self._floors:
            height = max(box_height(*self._texts[box]) for box in items if box in self.boxes)
            self._heights.append(height)
            self._tops.append(y - height)
            y -= height + GAP_Y
        self.top = y - GAP_Y / 2

    def draw(self, left: float) -> Iterator[str]:
        """The house as elements of SVG, with its left wall at `left`."""
        yield f'<rect class="house" x="{left:g}" y="{self.top:g}" width="{self.width}" height="{-self.top:g}" rx="8"/>'
        yield f'<text class="title" x="{left + GAP_X:g}" y="{self.top + 24:g}">{self.name}/</text>'
        place = {item: floor for floor, items in enumerate(self._floors) for item in items}
        for route in self._routes:
            upper, lower = route[0], route[-1]
            x = left + self._x[upper]
            y = self._tops[place[upper]] + self._heights[place[upper]]
            path = f"M{x:g} {y:g}"
            for item in route[1:]:
                next_x, next_y = left + self._x[item], self._tops[place[item]]
                middle = (y + next_y) / 2
                path += f" C{x:g} {middle:g} {next_x:g} {middle:g} {next_x:g} {next_y:g}"
                x, y = next_x, next_y
                if item != lower:
                    y += self._heights[place[item]]
                    path += f" L{x:g} {y:g}"
            yield f'<path d="{path}" marker-end="url(#arrow)"/>'
        for box in sorted(self.boxes):
            floor = place[box]
            yield from draw_box(
                box.partition(".")[2],
                *self._texts[box],
                left + self._x[box] - WIDTH / 2,
                self._tops[floor],
                WIDTH,
                self._heights[floor],
            )

    def _item_width(self, item: str) -> int:
        return WIDTH if item in self.boxes else LANE

    def _floor_width(self, items: list[str]) -> int:
        return sum(map(self._item_width, items)) + GAP_X * (len(items) - 1)

    def _arrange(self) -> None:
        """Put boxes and lanes near to those that they have arrows to and from."""
        neighbours: dict[str, list[str]] = {item: [] for items in self._floors for item in items}
        for route in self._routes:
            for upper, lower in pairwise(route):
                neighbours[upper].append(lower)
                neighbours[lower].append(upper)

        def wanted_x(item: str) -> float:
            known = [self._x[other] for other in neighbours[item] if other in self._x]
            return sum(known) / len(known) if known else self.width / 2

        for sweep in range(8):
            for items in self._floors if sweep % 2 else reversed(self._floors):
                items.sort(key=lambda item: (round(wanted_x(item)), item))
                x = (self.width - self._floor_width(items)) / 2
                for item in items:
                    self._x[item] = x + self._item_width(item) / 2
                    x += self._item_width(item) + GAP_X


def box_height(lines: list[str], inner: list[str]) -> int:
    """The height of a box with these lines."""
    return 28 + LINE * (len(lines) + len(inner))


def draw_box(
    name: str, lines: list[str], inner: list[str], x: float, y: float, width: float, height: float
) -> Iterator[str]:
    """A box as elements of SVG: its name, its purpose, and the packages inside of it."""
    yield f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>'
    yield f'<text class="name" x="{x + 8:g}" y="{y + 17:g}">{escape(name)}</text>'
    for number, line in enumerate(lines + inner):
        kind = "" if number < len(lines) else ' class="inner"'
        yield f'<text{kind} x="{x + 8:g}" y="{y + 33 + LINE * number:g}">{escape(line)}</text>'


def render_picture() -> str:
    """The picture as SVG: both houses on the protocol that they share, with an arrow from each box to its imports."""
    daemon, client = House("luziad"), House("luzia_client")
    width = daemon.width + GAP_X + client.width
    top = min(daemon.top, client.top)
    ground = [summary("luzia_protocol")]
    height = box_height(ground, [])
    bottom = GAP_X + height
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 {top - 1:g} {width + 2:g} {bottom + 2 - top:g}">',
            f"<style>{STYLE}</style>",
            '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
            '<path d="M0 0 L8 4 L0 8"/>',
            "</marker>",
            *daemon.draw(0),
            *client.draw(daemon.width + GAP_X),
            *draw_box("luzia_protocol", ground, [], 0, GAP_X, width, height),
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(render_picture())

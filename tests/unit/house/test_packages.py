"""The picture of the packages is up to date, and tells what is in each of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from luzia_docs import packages

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = ET.fromstring(packages.render_picture())
GRAPHS = {house: packages.import_graph(house) for house in ("luziad", "luzia_client")}
BOXES = ["luzia_protocol", *(box for graph in GRAPHS.values() for box in graph)]


def test_the_picture_is_up_to_date() -> None:
    assert packages.PICTURE.read_text() == packages.render_picture(), "run `make generate`"


def test_every_package_has_a_box() -> None:
    named = {text.text for text in PICTURE.iter(f"{SVG}text") if text.get("class") == "name"}
    inner = {
        word
        for text in PICTURE.iter(f"{SVG}text")
        if text.get("class") == "inner"
        for word in (text.text or "").split()
    }
    for module, path in packages.MODULES.items():
        if path.name == "__init__.py" and module not in GRAPHS:
            assert {module.partition(".")[2] or module} & named or f"{module.rpartition('.')[2]}/" in inner, module


@pytest.mark.parametrize("box", BOXES)
def test_a_box_has_room_for_its_purpose(box: str) -> None:
    purpose = packages.summary(box)
    assert purpose
    assert box == "luzia_protocol" or len(purpose) <= 3 * packages.CHARACTERS, "shorten the docstring's first sentence"


@pytest.mark.parametrize("house", GRAPHS)
def test_every_import_is_an_arrow_or_a_way_along_arrows(house: str) -> None:
    graph = GRAPHS[house]
    arrows = set(packages.direct_imports(graph))

    def reached(box: str) -> set[str]:
        return {box}.union(*(reached(lower) for upper, lower in arrows if upper == box))

    for box, others in graph.items():
        assert others <= reached(box)


@pytest.mark.parametrize("house", GRAPHS)
def test_arrows_point_downward(house: str) -> None:
    floors = packages.assign_floors(GRAPHS[house])
    for upper, lower in packages.direct_imports(GRAPHS[house]):
        assert floors[upper] > floors[lower]


def test_no_arrow_passes_behind_a_box() -> None:
    boxes = [
        tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        for rect in PICTURE.iter(f"{SVG}rect")
        if rect.get("class") is None
    ]
    ways = [path.attrib["d"] for path in PICTURE.iter(f"{SVG}path") if path.get("marker-end")]
    assert ways
    for way in ways:
        for x1, y1, x2, y2 in re.findall(r"(\S+) (\S+) L(\S+) (\S+)", way):
            assert x1 == x2
            for left, top, width, height in boxes:
                beside = not left < float(x1) < left + width
                assert beside or float(y2) <= top or float(y1) >= top + height, way

"""The two parts that ipywidgets does not have: a plot to pick from, and keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_HERE = Path(__file__).parent


class Scatter(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """A plot to pick from: one point a quote; dragging selects a rectangle.

    Traits:
        points: 2n float32, x and y in turn; groups: n bytes, an index into ``looks``; mask: n bytes, 1 where shown.
        looks: [colour, marker] of each group; limits: [x0, x1, y0, y1]; labels: of the two axes.
        box: the rectangle, [x0, x1, y0, y1], or empty; summary: what a screen reader says.
    """

    _esm = _HERE / "scatter.js"
    points = traitlets.Bytes(b"").tag(sync=True)
    groups = traitlets.Bytes(b"").tag(sync=True)
    mask = traitlets.Bytes(b"").tag(sync=True)
    looks: Any = traitlets.List().tag(sync=True)
    limits = traitlets.List([0.0, 1.0, 0.0, 1.0]).tag(sync=True)
    labels = traitlets.List(["", ""]).tag(sync=True)
    box: Any = traitlets.List().tag(sync=True)
    summary = traitlets.Unicode("").tag(sync=True)


class Keys(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """A field that hands each key on: ``on_key(function of the key's name)``."""

    _esm = _HERE / "keys.js"
    hint = traitlets.Unicode("Keys").tag(sync=True)

    def on_key(self, call: Callable[[str], None]) -> None:
        def heard(_: Any, content: Any, __: Any) -> None:
            if isinstance(content, dict) and isinstance(content.get("key"), str):
                call(content["key"])

        self.on_msg(heard)

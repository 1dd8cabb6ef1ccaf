"""Runs in the kernel of a notebook, before its first cell: every figure comes out as an SVG with the numbers that were drawn.

Nothing of the course is imported here: `install` is all that is called, and it leaves no name behind in the notebook.
"""

import io
import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from IPython.core.formatters import BaseFormatter
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryFormatter
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FuncFormatter
from traitlets import Unicode

MIME = "application/vnd.course.figure+json"
WHOLE_IMAGE = 200  # cells of an image whose values are kept; a larger one is told by its range


class FigureFormatter(BaseFormatter):  # type: ignore[misc]
    """A figure as a dict: `svg`, and what `described` finds. Of anything else, None.

    It needs no list of types: matplotlib takes figures out of every such list when a notebook first imports it.
    """

    format_type = Unicode(MIME)

    def __call__(self, obj: Any) -> dict[str, Any] | None:
        return {"svg": drawn(obj), **described(obj)} if isinstance(obj, Figure) else None


def install(shell: Any) -> None:
    """From now on the IPython `shell` shows figures in this form, too."""
    shell.display_formatter.formatters[MIME] = FigureFormatter(parent=shell.display_formatter)


def drawn(figure: Figure) -> str:
    """The figure as SVG text: letters as shapes, so that it looks the same everywhere, and nothing behind it."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "course"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def described(figure: Figure) -> dict[str, Any]:
    """`title` of the whole, and for each of its `panels` its title, axes and series as plain numbers and texts."""
    whole = figure.get_suptitle()
    return {"title": whole, "panels": [_panel(axes) for axes in figure.axes if axes.get_label() != "<colorbar>"]}


def _panel(axes: Axes) -> dict[str, Any]:
    title = " ".join(filter(None, (axes.get_title(loc=where) for where in ("left", "center", "right"))))
    series = [*_bars(axes), *_lines(axes), *_steps(axes), *_points(axes), *_images(axes), *_arrows(axes)]
    horizontal = any(each["kind"] == "bars across" for each in series)
    return {
        "title": title,
        "x": _axis(axes.xaxis, [each.xaxis for each in axes.get_shared_x_axes().get_siblings(axes)]),
        "y": _axis(axes.yaxis, [each.yaxis for each in axes.get_shared_y_axes().get_siblings(axes)]),
        "series": series,
        "swapped": horizontal,
        "texts": [text.get_text() for text in axes.texts if text.get_text().strip()],
    }


def _axis(axis: Any, shared: Sequence[Any]) -> dict[str, Any]:
    """Label (its own, or of an axis that is `shared` with it), scale, and the names that stand at places of it: none where these are numbers."""
    label = axis.get_label_text() or next(filter(None, (each.get_label_text() for each in shared)), "")
    low, high = sorted(map(float, axis.get_view_interval()))
    ticks = [(float(at), label.get_text()) for at, label in zip(axis.get_majorticklocs(), axis.get_majorticklabels())]
    ticks = [(at, " ".join(text.split())) for at, text in ticks if text.strip() and low <= at <= high]
    given = isinstance(axis.get_major_formatter(), (FixedFormatter, FuncFormatter, StrCategoryFormatter))
    named = given and not all(_same(_number(text), at) for at, text in ticks)
    return {"label": label, "log": axis.get_scale() == "log", "low": low, "high": high, "names": ticks if named else []}


def _number(text: str) -> float | None:
    """The number that a tick's label is; None for a name."""
    try:
        return float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
    except ValueError:
        return None


def _same(one: float | None, other: float) -> bool:
    """Whether a label says where it stands, as far as its digits go."""
    return one is not None and math.isclose(one, other, rel_tol=0.02, abs_tol=0.02 * abs(other) + 1e-9)


def _name(artist: Any) -> str:
    """What the legend calls it: by its own label, or that of an entry that looks like it."""
    label = str(artist.get_label() or "")
    if label.startswith("_") or not label:
        legend = artist.axes.get_legend() if isinstance(artist, Line2D) and artist.axes else None
        entries = zip(legend.legend_handles, legend.get_texts()) if legend else ()
        looks = _looks(artist) if legend else None
        label = next((text.get_text() for handle, text in entries if isinstance(handle, Line2D) and _looks(handle) == looks), "")
    return " ".join(label.split())


def _looks(line: Line2D) -> tuple[Any, ...]:
    return to_hex(line.get_color()), line.get_marker(), line.get_linestyle()


def _series(kind: str, name: str, x: Any, y: Any, error: Any = None) -> dict[str, Any]:
    numbers = {"x": _plain(x), "y": _plain(y)}
    return {"kind": kind, "name": name, **numbers, **({} if error is None else {"error": _plain(error)})}


def _plain(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in np.ravel(np.ma.filled(np.asarray(values, dtype=float), np.nan))]


def _bars(axes: Axes) -> list[dict[str, Any]]:
    found = []
    for bars in axes.containers:
        if isinstance(bars, BarContainer):
            across = bars.orientation == "horizontal"
            places = [bar.get_y() + bar.get_height() / 2 if across else bar.get_x() + bar.get_width() / 2 for bar in bars]
            ends = [bar.get_width() if across else bar.get_height() for bar in bars]
            name = _name(bars) or (_name(bars[0]) if len(bars) else "")  # a histogram's name stands on its first bar
            found.append(_series("bars across" if across else "bars", name, places, ends))
    return found


def _lines(axes: Axes) -> list[dict[str, Any]]:
    with_error = {id(each.lines[0]): each for each in axes.containers if isinstance(each, ErrorbarContainer) and each.lines[0] is not None}
    caps = {id(cap) for each in axes.containers if isinstance(each, ErrorbarContainer) for cap in each.lines[1]}
    found = []
    for line in axes.lines:
        x, y = (np.ravel(np.asarray(each)) for each in (line.get_xdata(orig=False), line.get_ydata(orig=False)))
        if id(line) in caps or not x.size:
            continue
        if line.get_transform() == axes.get_yaxis_transform(which="grid"):
            found.append(_series("level", _name(line), [], y[:1]))
        elif line.get_transform() == axes.get_xaxis_transform(which="grid"):
            found.append(_series("place", _name(line), x[:1], []))
        else:
            bars = with_error.get(id(line))
            error = None
            if bars is not None and bars.has_yerr:
                error = [abs(segment[1][1] - segment[0][1]) / 2 for segment in bars.lines[2][-1].get_segments()]
            name = _name(line) or (_name(bars) if bars is not None else "")
            kind = "points" if line.get_linestyle() in ("None", "none", "", " ") else "line"
            found.append(_series(kind, name, x, y, error if error is not None and len(error) == x.size else None))
    return found


def _steps(axes: Axes) -> list[dict[str, Any]]:
    found = []
    for step in (patch for patch in axes.patches if isinstance(patch, StepPatch)):
        values, edges, _ = step.get_data()
        found.append(_series("steps", _name(step), (edges[:-1] + edges[1:]) / 2, values))
    return found


def _points(axes: Axes) -> list[dict[str, Any]]:
    clouds = [each for each in axes.collections if type(each).__name__ == "PathCollection"]
    return [_series("points", _name(each), *np.asarray(each.get_offsets()).T) for each in clouds if len(each.get_offsets())]


def _arrows(axes: Axes) -> list[dict[str, Any]]:
    """Arrows without words, one row each: where they begin, (x, y), and where they point."""
    arrows = [each for each in axes.texts if isinstance(each, Annotation) and each.arrow_patch is not None and not each.get_text().strip()]
    rows = [_plain([*each.xyann, *each.xy]) for each in arrows if each.xycoords == "data" and each.anncoords == "data"]
    return [{"kind": "arrows", "name": "", "x": [], "y": [], "rows": rows}] if rows else []


def _images(axes: Axes) -> list[dict[str, Any]]:
    found = []
    for image in axes.images:
        values = np.ma.filled(np.asarray(image.get_array(), dtype=float), np.nan)
        rows = [_plain(row) for row in values] if values.ndim == 2 and values.size <= WHOLE_IMAGE else []
        shape = [int(size) for size in values.shape[:2]]
        found.append(
            {"kind": "image", "name": _name(image), "shape": shape, "rows": rows, "range": _plain([np.nanmin(values), np.nanmax(values)])}
        )
    return found

"""A figure as the page shows it: a drawing that follows the page's colours, one sentence or more for who cannot see it, its numbers as tables.

All of it comes from what `capture` found in the figure that the notebook drew.
"""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

ROWS = 24  # of a table; a longer series is shown at this many places of it
NAMED = 8  # series that the sentence tells of; the tables have all
REGION = 'role="region" aria-label="'
# The colours of `autograder.course.figure_style` that need another value on a dark page; site.css has both.
THEMED = {
    "#000000": "ink",
    "#ffffff": "paper",
    "#666666": "grey",
    "#dddddd": "grid",
    "#bbbbbb": "grid",
    "#0072b2": "blue",
    "#d55e00": "red",
    "#009e73": "green",
}


def shown(found: dict[str, Any], name: str) -> str:
    """The figure as HTML. `found` is what `capture.described` gave, with its `svg`; `name` is unique on the page."""
    words = escape(alt(found), quote=True)
    made = _tables(found)
    tables = "".join(table.replace(REGION, f"{REGION}Table {number} of {len(made)} of {name}: ", 1) for number, table in enumerate(made, 1))
    numbers = f'<details class="figure-numbers"><summary>The numbers of this figure</summary>{tables}</details>' if tables else ""
    drawing = themed(found["svg"], name, words)
    return f'<figure class="course-figure"><div class="drawing" tabindex="0" role="group" aria-label="Figure {name}">{drawing}</div>{numbers}</figure>'


def themed(svg: str, name: str, words: str) -> str:
    """The SVG as a part of a page: with `words` for who cannot see it, colours of the page, and ids that no other figure has."""
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:href=\"|url\()#([\w-]+)", svg))
    svg = re.sub(r' id="([\w.:-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(
        r"#[0-9a-fA-F]{6}\b(?!-)",
        lambda found: f"var(--figure-{THEMED[found[0].lower()]})" if found[0].lower() in THEMED else found[0],
        svg,
    )
    svg = re.sub(r'^<svg ([^>]*?)width="[\d.]+pt" height="[\d.]+pt"|^<svg ', lambda found: f"<svg {found[1] or ''}", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg.strip())
    wide = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])  # type: ignore[index]
    return svg.replace(
        "<svg ", f'<svg role="img" aria-label="{words}" style="max-width:{wide * 4 / 3:.0f}px;--wide:{wide * 4 / 3:.0f}px" ', 1
    )


def alt(found: dict[str, Any]) -> str:
    """What the figure shows, in words and main numbers."""
    panels = found["panels"]
    parts = [_stop(found["title"])] if found["title"] else []
    if len(panels) > 1:
        parts.append(f"{len(panels)} panels.")
    for number, panel in enumerate(panels, 1):
        parts += ([f"Panel {number}:"] if len(panels) > 1 else []) + _panel_words(panel)
    return " ".join(parts) or "A figure without words in it."


def _panel_words(panel: dict[str, Any]) -> list[str]:
    words = [_stop(panel["title"])] if panel["title"] else []
    for side, axis in (("Across", panel["x"]), ("Up", panel["y"])):
        if axis["label"]:
            words.append(f"{side}: {_stop(axis['label'])}")
    series = panel["series"]
    words += [_stop(_series_words(each, panel)) for each in series[:NAMED]]
    if len(series) > NAMED:
        words.append(f"And {len(series) - NAMED} more.")
    if panel["texts"]:
        said = list(dict.fromkeys(" ".join(text.split()) for text in panel["texts"]))
        words.append(_stop("Written in it: " + "; ".join(said[:30])))
    return words


def _series_words(series: dict[str, Any], panel: dict[str, Any]) -> str:
    name = series["name"] or {"level": "A level line", "place": "An upright line", "image": "An image"}.get(series["kind"], "A series")
    if series["kind"] == "image":
        return f"{name}: {series['shape'][0]} rows and {series['shape'][1]} columns, values from {_all(series['range'], ' to ')}"
    if series["kind"] == "arrows":
        ends = [f"({_all(row[:2])}) to ({_all(row[2:])})" for row in series["rows"]]
        return f"{len(ends)} arrows, from " + "; ".join(ends[:10]) + ("; and so on" if len(ends) > 10 else "")
    if series["kind"] in ("level", "place"):
        return f"{name} at {_all(series['y'] or series['x'])}"
    places, values = _split(series, panel)
    pairs = [(place, value) for place, value in zip(places, values) if value is not None]
    if not pairs:
        return f"{name}: no values"
    if len(pairs) <= 6:
        return f"{name}: " + ", ".join(f"{value:.4g} at {place}" for place, value in pairs)
    low, high = min(pairs, key=lambda pair: pair[1]), max(pairs, key=lambda pair: pair[1])
    ends = f"from {pairs[0][1]:.4g} at {pairs[0][0]} to {pairs[-1][1]:.4g} at {pairs[-1][0]}"
    beyond = [
        f"{word} {pair[1]:.4g} at {pair[0]}" for word, pair in (("lowest", low), ("highest", high)) if pair not in (pairs[0], pairs[-1])
    ]
    return f"{name}: {len(pairs)} values, " + ", ".join([ends, *beyond])


def _split(series: dict[str, Any], panel: dict[str, Any]) -> tuple[list[str], list[float | None]]:
    """(where, how much) of a series: `where` in the axis's own words."""
    axis = panel["y" if series["kind"] == "bars across" else "x"]
    return [_place(at, axis["names"]) for at in series["x"]], series["y"]


def _place(at: float | None, names: Sequence[tuple[float, str]]) -> str:
    """A place on an axis: its name where it has one, else the number. Names at 0, 1, 2 also hold for what was drawn a little beside them."""
    if at is None:
        return "nowhere"
    beside = 0.45 if all(float(place).is_integer() for place, _ in names) else 1e-9
    near = [text for place, text in names if abs(place - at) <= beside]
    return near[0] if near else f"{round(at, 10):.5g}"


def _all(values: Sequence[float | None], between: str = ", ") -> str:
    return between.join("no value" if value is None else f"{value:.4g}" for value in values)


def _stop(text: str) -> str:
    said = _unmarked(" ".join(text.split()))
    return said if said.endswith((".", "?", "!", ":")) else f"{said}."


def _unmarked(text: str) -> str:
    """matplotlib's formulas without their marks."""
    return re.sub(r"\$([^$]*)\$", lambda found: re.sub(r"\\mathdefault|[{}\\]", "", found[1]), text)


def _tables(found: dict[str, Any]) -> list[str]:
    made = []
    for number, panel in enumerate(found["panels"], 1):
        title = panel["title"] or found["title"] or "This figure"
        told = title if len(found["panels"]) == 1 else f"Panel {number}: {title}"
        drawn = [each for each in panel["series"] if each["kind"] not in ("image", "level", "place", "arrows")]
        for group in _together(drawn, panel):
            made.append(_table(told, group, panel))
        for arrows in (each for each in panel["series"] if each["kind"] == "arrows"):
            rows = [
                [str(number), *("" if value is None else f"{value:.5g}" for value in row)] for number, row in enumerate(arrows["rows"], 1)
            ]
            made.append(_html(f"{told}: arrows", ["arrow", "from x", "from y", "to x", "to y"], rows[:ROWS]))
        for image in (each for each in panel["series"] if each["kind"] == "image" and each["rows"]):
            made.append(_image_table(told, image))
    return made


def _together(series: list[dict[str, Any]], panel: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Series with the same places share one table; bars that stand side by side at one place do, too."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for each in series:
        bars = each["kind"].startswith("bars")
        names = panel["y" if each["kind"] == "bars across" else "x"]["names"]
        places: tuple[Any, ...] = tuple(round(at) if bars and at is not None else at for at in each["x"])
        if names:
            places = tuple(_place(at, names) for at in each["x"])
        groups.setdefault((bars and not names, places if len(places) == len(set(places)) else tuple(each["x"])), []).append(each)
    return list(groups.values())


def _table(title: str, group: list[dict[str, Any]], panel: dict[str, Any]) -> str:
    across = group[0]["kind"] == "bars across"
    where, what = (panel["y"], panel["x"]) if across else (panel["x"], panel["y"])
    places = _split(group[0], panel)[0]
    if len(group) > 1 and group[0]["kind"].startswith("bars") and not where["names"]:
        places = [f"{round(at)}" for at in group[0]["x"]]
    head = [where["label"] or "place"]
    columns: list[list[str]] = [places]
    for number, each in enumerate(group, 1):
        name = each["name"] or (what["label"] if len(group) == 1 else f"series {number}") or "value"
        head.append(name)
        columns.append(["" if value is None else f"{value:.5g}" for value in each["y"]])
        if each.get("error"):
            head.append("±")
            columns.append(["" if value is None else f"{value:.3g}" for value in each["error"]])
    rows = list(zip(*columns))
    said = title
    if len(rows) > ROWS:
        said += f" ({ROWS} of {len(rows)} values)"
        rows = [rows[round(i * (len(rows) - 1) / (ROWS - 1))] for i in range(ROWS)]
    return _html(said, head, rows)


def _image_table(title: str, image: dict[str, Any]) -> str:
    head = ["row", *map(str, range(len(image["rows"][0])))]
    rows = [[str(number), *("" if value is None else f"{value:.3g}" for value in row)] for number, row in enumerate(image["rows"])]
    return _html(title, head, rows)


def _html(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(row: Sequence[str]) -> str:
        return f'<th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])

    top = "".join(f'<th scope="col">{escape(_unmarked(" ".join(cell.split())))}</th>' for cell in head)
    body = "".join(f"<tr>{cells(row)}</tr>" for row in rows)
    caption = escape(_unmarked(" ".join(title.split())))
    return (
        f'<div class="figure-table" tabindex="0" {REGION}{escape(caption, quote=True)}"><table class="table"><caption>{caption}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )

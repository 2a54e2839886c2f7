"""Small pictures, as SVG that is readable on light and dark pages (https://www.w3.org/TR/SVG2/)."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from report import number

STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.axis { stroke: #8c959f; stroke-width: 1; }
.bar { fill: #8c959f; } .own { fill: #0969da; }
.line { fill: none; stroke-width: 2; }
.c0 { stroke: #0969da; } .c1 { stroke: #bc4c00; } .c2 { stroke: #8250df; } .c3 { stroke: #6e7781; } .c4 { stroke: #1a7f37; }
.f0 { fill: #0969da; } .f1 { fill: #bc4c00; } .f2 { fill: #8250df; } .f3 { fill: #6e7781; } .f4 { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.bar { fill: #6e7681; } .own { fill: #58a6ff; }
.c0 { stroke: #58a6ff; } .c1 { stroke: #f0883e; } .c2 { stroke: #bc8cff; } .c3 { stroke: #8b949e; } .c4 { stroke: #3fb950; }
.f0 { fill: #58a6ff; } .f1 { fill: #f0883e; } .f2 { fill: #bc8cff; } .f3 { fill: #8b949e; } .f4 { fill: #3fb950; }
}
</style>"""
WIDTH = 720
LABEL_WIDTH = 270
ROW_HEIGHT = 22
#: Room for the number behind the longest bar.
NUMBER_WIDTH = 90
PLOT_HEIGHT = 220
MARGIN = 48


def _svg(height: int, title: str, parts: list[str]) -> str:
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
                      STYLE, f'<text class="title" x="8" y="18">{escape(title)}</text>', *parts, "</svg>\n"])


def bars(title: str, values: dict[str, float], own: set[str]) -> str:
    """One bar for each value; those of our own stand out."""
    longest = max(values.values(), default=1) or 1
    parts = []
    for place, (name, value) in enumerate(values.items()):
        y = 32 + place * ROW_HEIGHT
        width = max(1.0, value / longest * (WIDTH - LABEL_WIDTH - NUMBER_WIDTH))
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect class="{"own" if name in own else "bar"}" x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="16"/>')
        parts.append(f'<text x="{LABEL_WIDTH + width + 6:.1f}" y="{y + 12}">{number(value)}</text>')
    return _svg(40 + len(values) * ROW_HEIGHT, title, parts)


def lines(title: str, x_name: str, series: dict[str, list[tuple[float, float]]]) -> str:
    """A line for each series, over a logarithmic scale of what is along the bottom."""
    points = [point for line in series.values() for point in line]
    left, right = math.log(min(x for x, _ in points)), math.log(max(x for x, _ in points))
    top = max(y for _, y in points) or 1
    legend_height = 18 * ((len(series) + 2) // 3)
    first_y, last_y = 34 + legend_height, 34 + legend_height + PLOT_HEIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log(x) - left) / ((right - left) or 1)
        return MARGIN + along * (WIDTH - 2 * MARGIN), last_y - y / top * PLOT_HEIGHT

    parts = [f'<path class="axis" fill="none" d="M{MARGIN} {first_y}V{last_y}H{WIDTH - MARGIN}"/>',
             f'<text x="{MARGIN - 6}" y="{first_y + 4}" text-anchor="end">{number(top)}</text>',
             f'<text x="{MARGIN - 6}" y="{last_y + 4}" text-anchor="end">0</text>',
             f'<text x="{WIDTH / 2}" y="{last_y + 36}" text-anchor="middle">{escape(x_name)}</text>']
    for x in sorted({x for x, _ in points}):
        parts.append(f'<text x="{place(x, 0)[0]:.1f}" y="{last_y + 18}" text-anchor="middle">{x:,.0f}</text>')
    for at, (name, line) in enumerate(series.items()):
        spots = [place(x, y) for x, y in line]
        parts.append(f'<polyline class="line c{at % 5}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in spots)}"/>')
        parts += [f'<circle class="f{at % 5}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots]
        legend_x, legend_y = 16 + at % 3 * 230, 38 + at // 3 * 18
        parts.append(f'<rect class="f{at % 5}" x="{legend_x}" y="{legend_y - 9}" width="10" height="10"/>')
        parts.append(f'<text x="{legend_x + 16}" y="{legend_y}">{escape(name)}</text>')
    return _svg(last_y + 46, title, parts)

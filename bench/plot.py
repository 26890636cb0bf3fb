"""A bar chart as a standalone SVG that is readable in light and dark mode."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.stats import Summary, format_number

ROW_HEIGHT, BAR_HEIGHT, LABEL_WIDTH, BARS_WIDTH, VALUE_WIDTH = 26, 16, 300, 420, 190

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
  viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<rect width="{width}" height="{height}" fill="#fff"/>"""
ROW_SVG = """\
<text x="{label_end}" y="{text_y}" text-anchor="end">{label}</text>
<rect x="{left}" y="{top}" width="{bar_width}" height="{bar_height}" fill="{colour}"/>
<line x1="{start}" x2="{end}" y1="{line_y}" y2="{line_y}" stroke="#111827" stroke-width="1.5"/>
<text x="{value_start}" y="{text_y}">{value}</text>"""


class Bar(NamedTuple):
    label: str
    value: Summary
    highlighted: bool


def bar_chart(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars of the medians, each with a line from the minimum to the maximum."""
    scale_max = max((row.value.max for row in rows), default=0.0) or 1.0
    height = 40 + ROW_HEIGHT * len(rows)
    width = LABEL_WIDTH + BARS_WIDTH + VALUE_WIDTH
    parts = [
        SVG.format(width=width, height=height),
        f'<text x="8" y="20" font-weight="bold">{escape(title)} ({escape(unit)})</text>',
    ]
    for n, row in enumerate(rows):
        top = 36 + ROW_HEIGHT * n
        start, middle, end = (
            round(LABEL_WIDTH + value / scale_max * BARS_WIDTH, 1)
            for value in (row.value.min, row.value.median, row.value.max)
        )
        parts.append(
            ROW_SVG.format(
                label=escape(row.label),
                value=escape(format_number(row.value.median)),
                colour="#2563eb" if row.highlighted else "#9ca3af",
                label_end=LABEL_WIDTH - 8,
                left=LABEL_WIDTH,
                top=top,
                text_y=top + 13,
                bar_width=f"{middle - LABEL_WIDTH:g}",
                bar_height=BAR_HEIGHT,
                start=f"{start:g}",
                end=f"{end:g}",
                line_y=f"{top + BAR_HEIGHT / 2:g}",
                value_start=f"{end + 8:g}",
            )
        )
    return "\n".join([*parts, "</svg>", ""])

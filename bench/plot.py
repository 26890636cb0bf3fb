"""A bar chart as an SVG of its own: readable in light and dark, and without a library."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.stats import Spread, number

ROW, BAR, LABEL, WIDE, VALUE = 26, 16, 300, 420, 190

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
  viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<rect width="{width}" height="{height}" fill="#fff"/>"""
ROW_OF = """\
<text x="{end_of_label}" y="{text}" text-anchor="end">{label}</text>
<rect x="{left}" y="{top}" width="{long}" height="{high}" fill="{colour}"/>
<line x1="{least}" x2="{greatest}" y1="{line}" y2="{line}" stroke="#111827" stroke-width="1.5"/>
<text x="{after}" y="{text}">{value}</text>"""


class Bar(NamedTuple):
    label: str
    value: Spread
    ours: bool


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars of the medians, with a line from the least to the greatest."""
    most = max((row.value.most for row in rows), default=0.0) or 1.0
    height = 40 + ROW * len(rows)
    width = LABEL + WIDE + VALUE
    parts = [
        SVG.format(width=width, height=height),
        f'<text x="8" y="20" font-weight="bold">{escape(title)} ({escape(unit)})</text>',
    ]
    for n, row in enumerate(rows):
        top = 36 + ROW * n
        least, middle, greatest = (
            round(LABEL + value / most * WIDE, 1)
            for value in (row.value.least, row.value.median, row.value.most)
        )
        parts.append(
            ROW_OF.format(
                label=escape(row.label),
                value=escape(number(row.value.median)),
                colour="#2563eb" if row.ours else "#9ca3af",
                end_of_label=LABEL - 8,
                left=LABEL,
                top=top,
                text=top + 13,
                long=f"{middle - LABEL:g}",
                high=BAR,
                least=f"{least:g}",
                greatest=f"{greatest:g}",
                line=f"{top + BAR / 2:g}",
                after=f"{greatest + 8:g}",
            )
        )
    return "\n".join([*parts, "</svg>", ""])

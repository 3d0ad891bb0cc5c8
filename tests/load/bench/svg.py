"""Bar charts as SVG: a bar for the median of each system, a line for the range of its trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tests.load.bench.statistics import Summary

WIDTH, NAMES, FIGURES, ROW, TOP = 820, 280, 130, 30, 44
BARS = WIDTH - NAMES - FIGURES
FONT = 'font-family="sans-serif" font-size="13"'
OURS, OTHERS = "#1f6feb", "#8c959f"


@dataclass(frozen=True, slots=True)
class Bar:
    """A system's bar.

    Args:
        label: its name.
        value: what was measured.
        ours: whether it is whendue's.
    """

    label: str
    value: Summary
    ours: bool


def chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Draw a chart.

    Args:
        title: what is shown.
        unit: of the values.
        bars: from top to bottom.
    """
    scale = BARS / max((bar.value.high for bar in bars), default=1.0) if bars else 1.0
    rows = [line for number, bar in enumerate(bars) for line in _bar(bar, TOP + number * ROW, scale)]
    height = TOP + ROW * len(bars) + 8
    # Both colours can be read on white and on black; GitHub shows pages in both.
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {FONT}>',
        f"<title>{escape(title)}, {escape(unit)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="24" font-size="15" font-weight="bold">{escape(title)} ({escape(unit)})</text>',
        *rows,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _bar(bar: Bar, top: int, scale: float) -> list[str]:
    middle, value = top + ROW // 2, bar.value
    low, high = (NAMES + value.low * scale, NAMES + value.high * scale)
    colour = OURS if bar.ours else OTHERS
    return [
        f'<text x="8" y="{middle + 4}">{escape(bar.label)}</text>',
        f'<rect x="{NAMES}" y="{top + 5}" width="{value.median * scale:.1f}" height="{ROW - 10}" fill="{colour}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#24292f" stroke-width="2"/>',
        f'<text x="{WIDTH - FIGURES + 8}" y="{middle + 4}">{figure(value.median)}</text>',
    ]


def figure(value: float) -> str:
    """Write a number with the digits that a measurement has."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"

"""A picture as part of a page: no ids that clash, no document around it, colours that follow the page."""

import re
from html import escape

from experiments.plots import style

_THEME = {
    style.INK: "ink",
    style.MUTED: "muted",
    style.GRID: "grid",
    style.PAPER: "paper",
    style.GREY: "axis",
    style.BLUE: "blue",
}
"""House colours that a page may change, and the CSS variables that stand for them."""


def inline_svg(svg: bytes, name: str, alt: str) -> str:
    """The <svg> element of a file that matplotlib wrote, for use inside HTML.

    name: prefix that keeps its ids apart from those of other pictures. alt: its text alternative.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in _THEME.items():
        text = re.sub(rf"(: ?){colour}", rf"\g<1>var(--{variable})", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"\n\s*", "\n", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)

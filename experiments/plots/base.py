"""The contract of a picture. Like all extension points it has three parts: IMPLEMENT, OPTIONAL and FREE."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from experiments.plots import style
from experiments.plots.run_view import RunView
from sim.errors import ConfigError, SpilloverError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")


@dataclass(frozen=True)
class Caption:
    """What a picture says.

    title: one sentence that carries the number. note: how to read it, and the spread over runs where there are several.
    alt: what somebody who cannot see the picture should know besides the title.
    """

    title: str
    note: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture of a folder, or the reason why there is none.

    kind: name of the plot. figure: None exactly if there is a reason.
    """

    kind: str
    caption: Caption
    reason: str = ""
    figure: "Figure | None" = None

    def save(self, path: str | Path) -> list[Path]:
        """Write the picture to path; without .svg or .png at its end both are written. Nothing if there is a reason.

        Raises ConfigError for another file type.
        """
        path = Path(path)
        if path.suffix not in (*FORMATS, ""):
            raise ConfigError(f'cannot write a picture as "{path.suffix}" ({path}); allowed: {", ".join(FORMATS)}')
        if self.figure is None:
            return []
        targets = [path] if path.suffix else [path.with_suffix(suffix) for suffix in FORMATS]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.render(target.suffix))
        return targets

    def render(self, suffix: str) -> bytes:
        """The bytes of an .svg or .png file: the same for the same data."""
        if self.figure is None:
            raise SpilloverError(f'plot "{self.kind}" has no picture: {self.reason}')
        buffer = io.BytesIO()
        known = {"Date": None, "Creator": "Spillover"} if suffix == ".svg" else {"Software": "Spillover"}
        with style.house(self.kind):
            self.figure.savefig(buffer, format=suffix[1:], metadata=known)
        return style.rounded(buffer.getvalue()) if suffix == ".svg" else buffer.getvalue()


@dataclass(kw_only=True, eq=False)
class Drawing:
    """What pictures of runs and of sweeps share: the house style, a frame, and reasons instead of errors."""

    family: ClassVar[str] = "plot"
    scope: ClassVar[str] = "run"
    """What it is a picture of: "run", or "sweep"."""
    size: ClassVar[tuple[float, float]] = (7.6, 4.4)
    """Width and height in inches."""
    margins: ClassVar[tuple[float, float, float]] = (1.0, 0.25, 0.72)
    """Room left, right and below the axes, in inches; above it follows from the title."""

    # IMPLEMENT
    def draw(self, source: Any, figure: "Figure") -> Caption:
        """Make axes on an empty figure, with a unit on every axis, and say what they show."""
        raise SpilloverError(f"{type(self).__name__} does not define draw()")

    # OPTIONAL
    def missing(self, source: Any) -> str:
        """Why this source cannot be drawn, as a sentence; empty if it can."""
        return ""

    # FREE
    def picture(self, source: Any, framed: bool = True) -> Picture:
        """Draw in the house style, with title, note and footer around it if `framed`; or say why not.

        source: a RunView, or for pictures of sweeps a SweepView.
        """
        kind: str = self.kind  # type: ignore[attr-defined]  # set by the registry
        reason = source.empty or self.missing(source)
        if reason:
            return Picture(kind, Caption(f"{kind}: not drawn", reason), reason)
        with style.house(kind):
            figure: Any = style.figure(self.size)
            caption = self.draw(source, figure)
            if framed:
                style.frame(figure, caption.title, caption.note, source.footer, self.margins)
            else:
                style.trim(figure, self.margins)
        return Picture(kind, caption, figure=figure)


class Plot(Drawing):
    """A picture of a run folder that says one thing."""

    # IMPLEMENT
    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """Make axes on an empty figure, with a unit on every axis, and say what they show."""
        return super().draw(run, figure)

    # OPTIONAL
    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn, as a sentence; empty if it can."""
        return ""

"""A terminal as a picture: `tmux capture-pane -e -p | python docs/pictures/draw.py > docs/pictures/watch.svg`."""

import io
import re
import sys

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 100
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # fetched from elsewhere; every reader has a font


def draw(ansi: str) -> str:
    """The SVG of a terminal's content with its colours."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(ansi.rstrip("\n")), soft_wrap=True)
    return FONT_FACES.sub("", console.export_svg(title="packtrain", theme=MONOKAI, unique_id="watch"))


sys.stdout.write(draw(sys.stdin.read()))

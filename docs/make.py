"""Write what the docs take from the code: `.venv/bin/python docs/make.py`."""

import json
import re
from pathlib import Path

from gocron.commands.config import example
from gocron.config import OPTIONS

ROOT = Path(__file__).resolve().parents[1]


def generated() -> dict[Path, str]:
    """Return the content of every file that the code decides on, in whole or in part."""
    configuration = ROOT / "docs/configuration.md"
    return {
        configuration: _between("options", options_table(), configuration.read_text("utf-8")),
        ROOT / "contrib/config.example.yml": example(),
    }


def options_table() -> str:
    """Return all options as a Markdown table; a star marks secrets."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for option in OPTIONS:
        star = " \\*" if option.secret else ""
        default = f"`{option.default}`" if option.default else "empty"
        rows.append(f"| `{option.name}`{star} | {default} | {option.help} |")
    return "\n".join(rows)


def _between(name: str, content: str, page: str) -> str:
    """Return `page` with `content` between the comments `name` and `/name`."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    filled, count = re.subn(pattern, lambda _: begin + content + end, page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"docs/make.py: want {json.dumps(begin)} and its end once")
    return filled


if __name__ == "__main__":
    for path, content in generated().items():
        path.write_text(content, "utf-8")

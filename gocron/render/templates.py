"""The templates in `reports/`; a file of the site's own wins over ours of the same name."""

from __future__ import annotations

import traceback
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gocron.errors import PageError

if TYPE_CHECKING:
    from jinja2 import Environment

# A site's template builds on ours by this prefix: {% extends "ours/index.html.j2" %}
OURS = "ours"


def reports_folder() -> Path:
    """Return the folder of our own templates, in an installed package or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "reports"
    return installed if installed.is_dir() else package.parent / "reports"


class Templates:
    """Fills templates by name. `own_dir` is the site's folder; it may not exist."""

    def __init__(self, own_dir: str = "") -> None:
        self._folders = [Path(own_dir).absolute()] if own_dir else []
        self._folders.append(reports_folder())

    def html(self, name: str, /, **context: Any) -> str:
        """Return `<name>.html.j2` filled with `context`, every value escaped.

        Raises PageError that names file, line and problem of a template that doesn't work.
        """
        return self._fill(self._escaping, f"{name}.html.j2", context)

    def text(self, name: str, /, **context: Any) -> str:
        """Return `<name>.txt.j2` filled with `context`, nothing escaped.

        Raises PageError that names file, line and problem of a template that doesn't work.
        """
        return self._fill(self._plain, f"{name}.txt.j2", context)

    def asset(self, name: str) -> bytes:
        """Return the file `name` (`style.css`, `page.js`).

        Raises PageError where it can't be read.
        """
        for folder in self._folders:
            try:
                return (folder / Path(name).name).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise PageError(
                    str(folder / name), error.strerror or "unreadable", "make it readable"
                ) from error
        raise PageError(str(self._folders[-1] / name), "no such file", "install gocron again")

    @cached_property
    def _escaping(self) -> Environment:
        return self._environment(autoescape=True)

    @cached_property
    def _plain(self) -> Environment:
        return self._environment(autoescape=False)

    def _environment(self, autoescape: bool) -> Environment:
        # Here and not above: a check-in or a sweep with nothing to tell needs no templates.
        from jinja2 import (
            ChoiceLoader,
            Environment,
            FileSystemLoader,
            PrefixLoader,
            StrictUndefined,
        )

        ours = FileSystemLoader(self._folders[-1])
        loader = ChoiceLoader([FileSystemLoader(self._folders), PrefixLoader({OURS: ours})])
        return Environment(
            loader=loader,
            autoescape=autoescape,  # noqa: S701
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def _fill(self, environment: Environment, name: str, context: dict[str, Any]) -> str:
        try:
            return environment.get_template(name).render(context)
        # A site's template may do anything, and a sweep has more to do than this one page.
        except Exception as error:
            where, what = self._blame(error, name)
            raise PageError(
                where, what, "correct the template, or remove it to use ours"
            ) from error

    def _blame(self, error: Exception, name: str) -> tuple[str, str]:
        """Return file and line of the template at fault, and the problem."""
        from jinja2 import TemplateNotFound, TemplateSyntaxError

        if isinstance(error, TemplateSyntaxError):
            return f"{error.filename or error.name or name}:{error.lineno}", str(error.message)
        what = f"{type(error).__name__}: {error}"
        if isinstance(error, TemplateNotFound):
            what = f"no template {error.name!r} here or in {self._folders[-1]}"
        folders = tuple(str(folder) for folder in self._folders)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.endswith(".j2") and frame.filename.startswith(folders):
                return f"{frame.filename}:{frame.lineno}", what
        return self._file(name), what

    def _file(self, name: str) -> str:
        held = (folder / name for folder in self._folders)
        return str(next((path for path in held if path.exists()), self._folders[-1] / name))

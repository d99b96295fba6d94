"""A file of YAML, one `key: value` a line, each value as the text that was written."""

import re
from pathlib import Path
from typing import Any

import yaml

from gocron.errors import ConfigError


def read_pairs(path: Path) -> list[tuple[str, object]]:
    """Return each key of the file with its value, as they stand there, in order.

    In a dict the last one of a key that is given twice would silently win. A missing file raises
    FileNotFoundError, one that can't be read, or holds something else, ConfigError.
    """
    try:
        pairs = _pairs(path.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {error.strerror}", "check its mode") from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "is no UTF-8 text", "save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"is no YAML: {_on_one_line(error)}") from None
    except RecursionError:
        raise ConfigError(str(path), "is no YAML: nested too deeply") from None
    if pairs is None:
        raise ConfigError(str(path), "holds no `key: value` lines")
    return pairs


def as_text(value: object) -> str:
    """Return a value as one text, which a file may hold in its place."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part) for part in value)
    return str(value)


def _pairs(text: str) -> list[tuple[str, Any]] | None:
    """Return what `read_pairs` does, None where `text` holds something else."""
    loader = _AsWritten(text)
    try:
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(node, yaml.MappingNode):
            return None
        loader.flatten_mapping(node)
        return [
            (
                str(loader.construct_object(key, deep=True)),
                loader.construct_object(value, deep=True),
            )
            for key, value in node.value
        ]
    finally:
        loader.dispose()


class _AsWritten(yaml.SafeLoader):
    """Reads every value as text: a password such as 012345 is no number."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class has it)
        first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _on_one_line(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without what it quotes, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "can't be parsed"
    problem = re.sub(r" '(?!.').{2,}'", "", problem)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)

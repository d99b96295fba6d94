"""Compiles a query once for each shape: stories ask the same few hundred, thousands of times.

To compile one takes peewee ten times as long as SQLite takes to answer it.
"""

from collections.abc import Callable
from typing import Any

import peewee
from peewee import Column, Function, Table

# By class, what is part of a statement's text, and what may hold parameters, in the order in
# which peewee writes it. Of a class that isn't named here every query is compiled anew.
SHAPES: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    peewee.Select: (
        ("_simple_distinct", "_lateral", "_alias"),
        (
            *("_cte_list", "_distinct", "_returning", "_from_list", "_where", "_group_by"),
            *("_having", "_windows", "_order_by", "_limit", "_offset", "_for_update"),
        ),
    ),
    peewee.Delete: (
        (),
        ("_cte_list", "table", "_where", "_order_by", "_limit", "_offset", "_returning"),
    ),
    peewee.Join: (("join_type", "_alias"), ("lhs", "rhs", "_on")),
    peewee.Alias: (("_alias",), ("node",)),
    peewee.Negated: ((), ("node",)),
    peewee.Ordering: (("direction", "collation", "nulls"), ("node",)),
    peewee.NodeList: (("glue", "parens"), ("nodes",)),
    peewee.ForUpdate: (("_expr", "_nowait", "_skip_locked"), ("_of",)),
    Function: (("name", "_coerce"), ("arguments", "_order_by", "_filter")),
    peewee.Case: ((), ("predicate", "expression_tuples", "default")),
}


class _Unknown(Exception):
    """A query holds what no shape is known of."""


class Differs(BaseException):
    """A statement that was compiled once is not what its query says: no step may survive this."""


class Compiled:
    """The statements of one kind of database by their shapes.

    A statement is compiled anew at its 1st, 2nd, 4th, 8th ... use, and must be the same.
    Raises Differs.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[str, int]] = {}

    def of(self, query: Any, anew: Callable[[], tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
        """Return the text of `query` and its parameters, as `anew` would compile them."""
        shape: list[Any] = []
        values: list[Any] = []
        try:
            _walk(query, shape, values)
        except _Unknown:
            return anew()
        key = tuple(shape)
        known, uses = self._known.get(key, ("", 0))
        uses += 1
        if uses & (uses - 1) == 0:
            text, parameters = anew()
            if parameters != values or (known and text != known):
                raise Differs(f"{known} {values} is, compiled anew, {text} {parameters}")
            known = text
        self._known[key] = known, uses
        return known, values


def _walk(node: Any, shape: list[Any], values: list[Any]) -> None:
    """Append what makes up the text of `node`, and its parameters in their order."""
    kind = type(node)
    if kind is Column:
        source = node.source
        if type(source) is not Table:
            raise _Unknown
        shape += (Column, node.name, source._path, source._alias)
    elif kind is peewee.Expression or kind is peewee.StringExpression:
        shape += (kind, node.op, node.flat)
        _walk(node.lhs, shape, values)
        if node.rhs is None and node.op in ("IS", "IS NOT"):
            shape.append(None)
        else:
            _walk(node.rhs, shape, values)
    elif kind is int or kind is str or node is None or kind is float or kind is bool:
        shape.append("?")
        values.append(node)
    elif kind is tuple or kind is list:
        shape += ("[", len(node))
        for one in node:
            # Most are columns.
            if type(one) is Column and type(one.source) is Table:
                source = one.source
                shape += (Column, one.name, source._path, source._alias)
            else:
                _walk(one, shape, values)
    elif kind is Table:
        shape += (Table, node._path, node._alias)
    elif kind in SHAPES:
        text, parts = SHAPES[kind]
        shape.append(kind)
        for name in text:
            shape.append(getattr(node, name))
        for name in parts:
            part = getattr(node, name)
            if part is None:
                shape.append(None)
            else:
                _walk(part, shape, values)
    else:
        _walk_rare(kind, node, shape, values)


def _walk_rare(kind: type, node: Any, shape: list[Any], values: list[Any]) -> None:
    shape.append(kind)
    if kind is peewee.Value and node.converter is None:
        shape.append(node.multi)
        _walk(node.values if node.multi else node.value, shape, values)
    elif kind is peewee.SQL and not node.params:
        shape.append(node.sql)
    elif kind is peewee.Update and not (node._from or node._cte_list or node._returning):
        _walk(node.table, shape, values)
        _walk_pairs(node._update, shape, values)
        for part in (node._where, node._order_by, node._limit, node._offset):
            if part is None:
                shape.append(None)
            else:
                _walk(part, shape, values)
    elif kind is peewee.Insert and _is_one_row(node):
        shape.append(node._on_conflict and node._on_conflict._action)
        _walk(node.table, shape, values)
        _walk_pairs(node._insert, shape, values)
        _walk(node._returning or (), shape, values)
    else:
        raise _Unknown


def _is_one_row(insert: peewee.Insert) -> bool:
    """Tell whether this inserts a row by the names of its columns, and updates none."""
    conflict = insert._on_conflict
    resolves = conflict is not None and (
        conflict._update or conflict._preserve or conflict._conflict_target or conflict._where
    )
    by_name = isinstance(insert._insert, dict) and not insert._columns
    return by_name and not resolves and not insert._cte_list


def _walk_pairs(pairs: dict[Any, Any], shape: list[Any], values: list[Any]) -> None:
    """Append what is set: columns, or their names, and to what; they are written in order."""
    shape.append(len(pairs))
    named = [(key if isinstance(key, str) else key.name, value) for key, value in pairs.items()]
    for name, value in sorted(named, key=lambda pair: pair[0]):
        if type(value) in (tuple, list):
            raise _Unknown
        shape.append(name)
        _walk(value, shape, values)

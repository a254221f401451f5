"""Shell arithmetic, `$(( ... ))`, over whole numbers that are known. Pure."""

import ast
import re
from collections.abc import Callable, Mapping

MAX_CHARACTERS = 200
_MAX_INTEGER = 2**63 - 1
_FORM = re.compile(rf"[\w\s+\-*/%(){{}}$]{{1,{MAX_CHARACTERS}}}", re.ASCII)
_NO_NUMBER = re.compile(r"\b[0-9]+[A-Za-z_]")
_REFERENCE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def _quotient(left: int, right: int) -> int:
    """Towards zero, as in C."""
    return abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)


_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: _quotient,
    ast.Mod: lambda left, right: left - right * _quotient(left, right),
}


def evaluate(text: str, value_of: Callable[[str], str | None]) -> int | None:
    """The value of an expression of + - * / % and brackets; None for any other, and where a value is not known."""
    plain = _REFERENCE.sub(r"\1\2", text).strip()
    if not _FORM.fullmatch(plain) or _NO_NUMBER.search(plain):
        return None
    try:
        return _value(ast.parse(plain, mode="eval").body, value_of)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, value_of: Callable[[str], str | None]) -> int:
    """Raises ValueError."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        found = _OPERATORS[type(node.op)](_value(node.left, value_of), _value(node.right, value_of))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        found = -_value(node.operand, value_of)
    elif isinstance(node, ast.Name):
        found = int(value_of(node.id) or "none")
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        found = node.value
    else:
        raise ValueError("no arithmetic of whole numbers")
    if abs(found) > _MAX_INTEGER:
        raise ValueError("beyond 64 bits")
    return found

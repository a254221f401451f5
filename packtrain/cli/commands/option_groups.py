"""Groups of options: a dataclass whose fields a command takes as options of its own."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer is to see it: in place of each parameter that is a dataclass stand its fields.

    They have the field's annotation (`Annotated[..., typer.Option(...)]`) and its default, in the parameter's place.
    """
    signature = inspect.signature(command)
    groups = {name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)}

    def run(**given: Any) -> None:
        command(**_gathered(given, groups))

    parameters = [one for each in signature.parameters.values() for one in _spread(each)]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # inspect looks for it
    return run


def _spread(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not is_dataclass(parameter.annotation):
        yield parameter
        return
    for each in fields(parameter.annotation):
        yield inspect.Parameter(each.name, parameter.kind, default=each.default, annotation=each.type)


def _gathered(given: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the command itself: those of a group as one value."""
    own = {each.name: name for name, group in groups.items() for each in fields(group)}
    gathered: dict[str, Any] = {name: value for name, value in given.items() if name not in own}
    for name, group in groups.items():
        gathered[name] = group(**{word: given[word] for word, of in own.items() if of == name})
    return gathered

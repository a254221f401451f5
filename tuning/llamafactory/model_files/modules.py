"""Modules of a model by the names of its tensors: what adapters are put on and what is frozen. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuning.llamafactory.model_files.tensors import TensorGroup, Tensors

_ALWAYS = ("lm_head",)
"""Stored nowhere where it is the embedding, and there for all that."""


@dataclass(frozen=True)
class Modules:
    """The last parts of the names of modules, in the order in which they are stored."""

    matrices: tuple[str, ...]
    """Modules with a matrix, or with a tensor of unknown shape: adapters may go there."""
    others: tuple[str, ...]
    """Modules that have vectors only: norms."""
    paths: frozenset[str]
    """Whole names of all modules, and of what they are parts of, with stars for numbers."""
    in_layers: tuple[str, ...]
    """The parts that a layer consists of: self_attn, mlp, input_layernorm."""
    beside_layers: tuple[str, ...]
    """The modules outside of any layer: embed_tokens, norm, lm_head."""
    has_experts: bool
    """A mixture of experts: its names on disk are not those of its classes."""


def modules_of(tensors: Tensors) -> Modules:
    """The modules that have these tensors."""
    owners = [(_owner(group), group) for group in tensors.groups]
    matrices = [_last(owner) for owner, group in owners if group.shape is None or len(group.shape) > 1]
    vectors = [_last(owner) for owner, _ in owners]
    return Modules(
        matrices=_once([name for name in [*matrices, *_ALWAYS] if name and name != "*"]),
        others=_once([name for name in vectors if name and name != "*" and name not in matrices]),
        paths=frozenset(path for owner, _ in owners for path in _with_ancestors(owner)),
        in_layers=_once([part for group in tensors.groups for part in _parts_of_layer(group.name)]),
        beside_layers=_once([_last(owner) for owner, _ in owners if owner and "*" not in owner.split(".")]),
        has_experts=any("expert" in group.name for group in tensors.groups),
    )


def _owner(group: TensorGroup) -> str:
    """The module that a tensor belongs to; bitsandbytes writes more behind `.weight`."""
    if ".weight." in group.name:
        return group.name.partition(".weight.")[0]
    return group.name.rpartition(".")[0]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _with_ancestors(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _parts_of_layer(name: str) -> Iterator[str]:
    """Parts of a tensor's name behind its first number, and behind its last (LLaMA-Factory looks for both)."""
    parts = name.split(".")
    places = [place for place, part in enumerate(parts[:-1]) if part == "*"]
    yield from (parts[place + 1] for place in (*places[:1], *places[1:][-1:]))


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

"""Memory of what a step computes: what a layer keeps of a token for its backward pass, and the loss of a word. Pure.

Read off what torch keeps of transformers' modeling files; the tests hold the sums against torch's own count
(tests/tuning/llamafactory/memory/torch_counts.json). With h the hidden size, q and k the sizes of queries and keys, i
the inner size of the MLP, and in bytes:

    a norm               4 h        its input in 32 bits; if it is trained 2 h more, its outcome before the weight
    attention            4 q + 4 k  queries, keys, values and outcome; and the scores, where the kernel keeps them
    MLP                  6 i        gate, its activation, up; 2 i where there is no gate
    inputs of matrices   2 each     of those that are trained, or that have an adapter

In mixed precision a layer that is trained works on 32 bits, so that each matrix keeps a copy of its input in 16; so
does an adapter on weights of 16 bits, where peft casts its input to 32 bits and autocast casts it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuning.llamafactory.config.model_size import FAMILIES, Family, ModelShape, Projection

LOGIT_BYTES = 12
"""For each word of the vocabulary: the loss in 32 bits, and its gradient before and after the softmax."""
_READ_ATTENTION = ("o_proj", "wo", "out_proj", "dense")
_READ_MLP = ("down_proj", "w2", "dense_4h_to_h", "fc2", "c_proj")
_READ_THE_SECOND_NORM = ("gate_proj", "up_proj", "gate_up_proj", "w1", "w3", "dense_h_to_4h", "fc1", "c_fc")


@dataclass(frozen=True)
class Computing:
    """Computation of a run's layers: batch, lengths, methods."""

    is_mixed: bool
    """Weights that are trained are held in 32 bits, and multiplied in 16 (autocast)."""
    is_trained: bool
    """The layers' own weights are trained."""
    is_single: bool
    """Neither that nor all in 16 bits: what is trained is multiplied in 32."""
    is_quantized: bool
    adapted: Sequence[Projection]
    """The matrices of a layer that have an adapter."""
    rank: int
    has_magnitudes: bool = False
    """DoRA."""

    @property
    def stream_bytes(self) -> int:
        """Of a number that goes from layer to layer."""
        return 4 if (self.is_mixed or self.is_single) and self.is_trained else 2


def kept_bytes(shape: ModelShape, computing: Computing, scores_tokens: float) -> float:
    """Bytes that a layer keeps of a token; where attention writes its scores out, for so many tokens (else 0)."""
    norms = _norms(shape, computing)
    width = 2 if computing.is_single and computing.is_trained else 1
    products = _attention(shape, scores_tokens) + (6.0 if _has_gate(shape) else 2.0) * shape.intermediate_size
    inputs = _inputs(shape, computing) + _of_experts(shape, computing)
    return norms + width * products + (2 if computing.is_single else 1) * inputs


def passing_bytes(shape: ModelShape, scores_tokens: float) -> float:
    """Bytes alive beside that while a backward pass goes through a layer: gradients of the MLP's parts, or scores."""
    return max(8.0 * shape.intermediate_size, 10.0 * shape.heads * scores_tokens)


def scores_tokens(shape: ModelShape, arguments: Mapping[str, Any]) -> float:
    """The length of a sample where the scores of attention are written out, else 0.

    LLaMA-Factory has them written out for Gemma 2, where FlashAttention is not installed.
    """
    asked = arguments["flash_attn"]
    is_written = asked == "disabled" or (shape.family == "gemma2" and asked in ("auto", "fa2"))
    return float(arguments["cutoff_len"]) if is_written else 0.0


def _has_gate(shape: ModelShape) -> bool:
    """Two matrices lead to the MLP's inner size, or one to twice that; an expert's always do."""
    inner = shape.intermediate_size
    outputs = [each.outputs for each in shape.projections if not _reads_attention(shape, each)]
    is_mixture = any(each.copies > 1 for each in shape.projections)
    return is_mixture or outputs.count(inner) > 1 or 2 * inner in outputs


def _family(shape: ModelShape) -> Family:
    return FAMILIES.get(shape.family, Family())


def _norms(shape: ModelShape, computing: Computing) -> float:
    family = _family(shape)
    heads = shape.query_size + shape.key_value_size if family.head_norms else 0
    each = 4.0 + computing.stream_bytes if computing.is_trained else 4.0
    return each * (family.norms * shape.hidden_size + heads)


def _attention(shape: ModelShape, scores: float) -> float:
    queries, keys = shape.query_size, shape.key_value_size
    fused = 2.0 * (queries + keys) if _family(shape).is_fused else 0.0  # values keep the whole product alive
    repeated = 4.0 * (queries - keys) if scores else 0.0
    each = 8.0 if shape.family == "gemma2" else 6.0
    return 4.0 * queries + 4.0 * keys + fused + repeated + each * shape.heads * scores


def _inputs(shape: ModelShape, computing: Computing) -> float:
    if not computing.is_trained:
        kept = _shared(shape, computing) if computing.is_quantized else _copied(shape, computing.adapted)
        # DoRA scales what the matrix gave, what the adapter gave, and their sum
        scaled = 6.0 * sum(_outputs(shape, each) for each in computing.adapted) if computing.has_magnitudes else 0.0
        return kept + scaled + 2.0 * computing.rank * len(computing.adapted)
    after_norms = [each for each in shape.projections if not _reads_attention(shape, each) and not _reads_mlp(each)]
    copies = len(after_norms) if computing.is_mixed else 2
    return 2.0 * shape.hidden_size * copies + 2.0 * shape.intermediate_size


def _of_experts(shape: ModelShape, computing: Computing) -> float:
    """Results of each of a token's experts, to be weighed; and its own copy of the token, where experts are trained."""
    inner = next((each.inputs for each in shape.projections if each.copies > 1 and _reads_mlp(each)), 0)
    experts = shape.intermediate_size // inner if inner else 0
    return (4.0 if computing.is_trained else 2.0) * shape.hidden_size * experts


def _copied(shape: ModelShape, adapted: Sequence[Projection]) -> float:
    return sum(2.0 * (shape.intermediate_size if _reads_mlp(each) else each.inputs) for each in adapted)


def _shared(shape: ModelShape, computing: Computing) -> float:
    """One for all matrices that read the same; the outcome of attention is kept anyway."""
    names = {_last(each) for each in computing.adapted}
    first = names - {*_READ_ATTENTION, *_READ_MLP, *_READ_THE_SECOND_NORM}
    norms = bool(first) + bool(names & {*_READ_THE_SECOND_NORM})
    return 2.0 * shape.hidden_size * norms + (2.0 * shape.intermediate_size if names & {*_READ_MLP} else 0.0)


def _reads_attention(shape: ModelShape, projection: Projection) -> bool:
    is_of_heads = projection.inputs == shape.query_size != shape.hidden_size
    return is_of_heads or _last(projection) in _READ_ATTENTION


def _reads_mlp(projection: Projection) -> bool:
    return _last(projection) in _READ_MLP


def _outputs(shape: ModelShape, projection: Projection) -> int:
    """Of a token; of an expert's matrices, of all experts that it passes."""
    passed = shape.intermediate_size // projection.inputs if _reads_mlp(projection) else 1
    return projection.outputs * (passed if projection.copies > 1 else 1)


def _last(projection: Projection) -> str:
    return projection.name.rpartition(".")[2]

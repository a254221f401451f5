"""Memory of a step beside weights, gradients and states: at its fullest moment. Pure.

That is one of three: the end of the forward pass, the loss, or the backward pass of a layer, which with gradient
checkpointing (LLaMA-Factory's default) computes all of the layer again.
"""

from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.memory.activations import LOGIT_BYTES, kept_bytes, passing_bytes, scores_tokens
from tuning.llamafactory.memory.load import Load
from tuning.llamafactory.memory.trained_weights import trained_layers

_FORWARD_LOGITS = 10 / 12
"""In the forward pass: 2 bytes, 4 in 32 bits and 4 of their logarithms."""


def step_bytes(load: Load) -> float:
    """Of a step, or of predicting.

    Gradients are not there yet when the step is at its fullest: the room that is kept for them is used for it, unless
    they are gathered over several batches, or shared out.
    """
    if not load.arguments["do_train"]:
        return _generation(load)
    fullest = max(_after_the_forward_pass(load), _at_the_loss(load), _in_a_layer(load))
    if load.has_deepspeed or load.zero.stage or load.arguments["gradient_accumulation_steps"] > 1:
        return fullest
    return max(fullest - load.gradient_bytes, _at_the_end(load))


def _after_the_forward_pass(load: Load) -> float:
    return _kept(load) + _copies(load, load.trained) + _logits(load) * _FORWARD_LOGITS


def _at_the_loss(load: Load) -> float:
    copies = 0.0 if load.is_checkpointed else _copies(load, load.trained)
    return _kept(load) + copies + _logits(load)


def _in_a_layer(load: Load) -> float:
    """Beside what waits for the other layers: all of this one, and matrices that are written out for it."""
    shape, computing, scores = load.shape, load.computing, scores_tokens(load.shape, load.arguments)
    layer = kept_bytes(shape, computing, scores) if load.is_checkpointed else 0.0
    matrices = _copies(load, shape.layer_parameters if load.is_checkpointed else load.trained)
    return _kept(load) + (layer + passing_bytes(shape, scores)) * load.tokens + matrices + _written_out(load)


def _written_out(load: Load) -> float:
    """A matrix for the time of its use: from its few bits, or the adapter's for DoRA (peft multiplies it by a unit)."""
    quantized = 2.0 if load.computing.is_quantized else 0.0
    unit, product = (4.0, 12.0) if load.computing.has_magnitudes and load.is_checkpointed else (0.0, 0.0)
    sizes = ((each.inputs, each.outputs) for each in load.shape.projections)
    each = (unit * inputs**2 + (quantized + product) * inputs * outputs for inputs, outputs in sizes)
    return max(each, default=0.0)


def _kept(load: Load) -> float:
    """Bytes that layers keep for their backward pass: all of it, or with checkpointing their input alone."""
    shape, computing, a = load.shape, load.computing, load.arguments
    layers = trained_layers(shape, a) if computing.is_trained else shape.layers
    if load.is_checkpointed:
        return layers * computing.stream_bytes * shape.hidden_size * load.tokens
    return layers * kept_bytes(shape, computing, scores_tokens(shape, a)) * load.tokens


def _copies(load: Load, weights: float) -> float:
    """Autocast's copies of trained weights in 16 bits."""
    return 2.0 * weights if load.is_mixed and load.computing.is_trained else 0.0


def _logits(load: Load) -> float:
    is_fused = load.arguments["enable_liger_kernel"] or load.arguments["use_liger_kernel"]
    return 0.0 if is_fused else LOGIT_BYTES * load.shape.vocabulary * load.tokens


def _at_the_end(load: Load) -> float:
    """Bytes once all gradients are there: the first layer's input and its gradient; and where the output layer is the
    embedding, both gradients of it.
    """
    shape = load.shape
    is_added = shape.is_tied and load.arguments["finetuning_type"] == "full"
    embedding = load.gradient_bytes / shape.parameters * shape.vocabulary * shape.hidden_size if is_added else 0.0
    return embedding + 2.0 * load.computing.stream_bytes * shape.hidden_size * load.tokens


def _generation(load: Load) -> float:
    """Predicting: the keys and values of all that was read and written, and the last logits."""
    shape, a = load.shape, load.arguments
    samples = a["per_device_eval_batch_size"] * max(1, a["num_beams"])
    kept = 4 * shape.layers * shape.key_value_size * (a["cutoff_len"] + a["max_new_tokens"])
    passing = a["cutoff_len"] * _layer_of_prediction(shape, scores_tokens(shape, a))
    return float(samples * (kept + passing + LOGIT_BYTES * shape.vocabulary))


def _layer_of_prediction(shape: ModelShape, scores: float) -> float:
    attention = 2 * shape.query_size + 2 * shape.key_value_size
    return 2.0 * (6 * shape.hidden_size + attention + 4 * shape.intermediate_size) + 8.0 * shape.heads * scores

"""Runs in the training image: the memory that torch itself takes for a training step, counted storage by storage.

Reads a list of cases as JSON, writes a list of counts. The model is transformers' own, prepared by LLaMA-Factory's own
functions and peft; tensors are fake (torch's FakeTensorMode): they have a size and no content, so that a model of 8 B
weights is counted on a CPU. Two things are stand-ins, of the size that the kernels on a GPU keep: attention (q, k, v,
the output and one number a head and token, as FlashAttention and torch's sdpa do) and matrices of 4 bits
(bitsandbytes).

What DeepSpeed shares out is not run: such a case trains in 16 bits as its engine does, and lets every gradient go as
soon as it is there.
"""

import json
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch  # noqa: E402
from llamafactory.hparams import FinetuningArguments, ModelArguments  # noqa: E402
from llamafactory.model import adapter  # noqa: E402
from llamafactory.model.model_utils.checkpointing import prepare_model_for_training  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS  # noqa: E402
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS  # noqa: E402


class LiveStorages(TorchDispatchMode):  # type: ignore[misc]
    """Bytes of all storages that are alive, and the most that there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return out

    def _note(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._known[key] = weakref.ref(storage, lambda _: self._forget(key, size))
        self.now += size
        self.most = max(self.most, self.now)

    def _forget(self, key: int, size: int) -> None:
        del self._known[key]
        self.now -= size


class Attention(torch.autograd.Function):  # type: ignore[misc]
    """An attention that keeps no scores."""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any) -> Any:
        batch, heads, length, size = query.shape
        out = torch.empty(batch, length, heads, size, dtype=query.dtype).transpose(1, 2)
        ctx.save_for_backward(query, key, value, out, torch.empty(query.shape[:3], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        return tuple(torch.empty_like(kept) for kept in ctx.saved_tensors[:3])


def attend(module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any) -> Any:
    parts = [each.to(torch.bfloat16) if torch.is_autocast_enabled("cpu") else each for each in (query, key, value)]
    return Attention.apply(*parts).transpose(1, 2).contiguous(), None


class FourBitProduct(torch.autograd.Function):  # type: ignore[misc]
    """A product with a matrix that is written out in 16 bits each time."""

    @staticmethod
    def forward(ctx: Any, x: Any, outputs: int, inputs: int) -> Any:
        ctx.size = (outputs, inputs)
        return torch.nn.functional.linear(x, torch.empty(outputs, inputs, dtype=x.dtype))

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad @ torch.empty(*ctx.size, dtype=grad.dtype), None, None


class FourBitLinear(torch.nn.Linear):  # type: ignore[misc]
    """bitsandbytes' Linear4bit, doubly quantized: half a byte a weight, a byte for 64, 4 for 64 x 256."""

    def __init__(self, old: torch.nn.Linear) -> None:
        super().__init__(old.in_features, old.out_features, bias=old.bias is not None, device="meta")
        count = old.weight.numel()
        packed = torch.empty(count // 2 + count // 64 + count // 4096, dtype=torch.uint8)
        self.weight = torch.nn.Parameter(packed, requires_grad=False)
        if old.bias is not None:
            self.bias = old.bias

    def forward(self, x: Any) -> Any:
        out = FourBitProduct.apply(x.to(torch.bfloat16), self.out_features, self.in_features)
        return (out if self.bias is None else out + self.bias).clone()


def quantize(model: Any) -> None:
    for module in list(model.modules()):
        for child_name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear) and child_name != "lm_head":
                setattr(module, child_name, FourBitLinear(child))


def build(case: dict[str, Any]) -> Any:
    """The model as LLaMA-Factory makes it ready."""
    arguments = case["arguments"]
    fields = (ModelArguments.__dataclass_fields__, FinetuningArguments.__dataclass_fields__)
    model_said, said = ({k: v for k, v in arguments.items() if k in known} for known in fields)
    model_arguments = ModelArguments(model_name_or_path="m", **model_said)
    finetuning = FinetuningArguments(**said)
    model_arguments.block_diag_attn = False
    config = dict(case["config"])
    config = AutoConfig.for_model(config.pop("model_type"), **config)
    is_eager = arguments.get("flash_attn") == "disabled" or config.model_type == "gemma2"
    config._attn_implementation = "eager" if is_eager else "sdpa"
    model = AutoModelForCausalLM.from_config(
        config, dtype=torch.bfloat16, attn_implementation=config._attn_implementation
    )
    if arguments.get("quantization_bit") == 4:
        quantize(model)
    prepare_model_for_training(model, model_arguments)
    cast = not (finetuning.pure_bf16 or arguments.get("deepspeed"))
    if finetuning.finetuning_type == "full":
        adapter._setup_full_tuning(model, finetuning, True, cast)
    elif finetuning.finetuning_type == "freeze":
        adapter._setup_freeze_tuning(model, finetuning, True, cast)
    else:
        model = adapter._setup_lora_tuning(config, model, model_arguments, finetuning, True, cast)
    if arguments.get("quantization_bit") == 4:
        for module in model.modules():
            if hasattr(module, "cast_input_dtype_enabled"):  # peft's layer for 4 bits casts nothing under autocast
                module.cast_input_dtype_enabled = False
    model.train()
    return model


def autocast(arguments: dict[str, Any]) -> Callable[[], AbstractContextManager[Any]]:
    is_mixed = arguments.get("bf16", True) and not (arguments.get("pure_bf16") or arguments.get("deepspeed"))
    return (lambda: torch.autocast("cpu", dtype=torch.bfloat16)) if is_mixed else nullcontext


def optimizer_of(model: Any, arguments: dict[str, Any]) -> Any:
    """With its states, as after a first step."""
    if arguments.get("deepspeed") or arguments.get("use_galore"):
        return None
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, foreach=False)
    for parameter in trained:
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer


def train(model: Any, case: dict[str, Any]) -> None:
    """The batches of a step, up to the last gradient."""
    arguments, mixed = case["arguments"], autocast(case["arguments"])
    batch, length = arguments.get("per_device_train_batch_size", 1), arguments["cutoff_len"]
    for _ in range(arguments.get("gradient_accumulation_steps", 1)):
        ids = torch.zeros(batch, length, dtype=torch.long)
        with mixed():
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, use_cache=False)
        kept = out.logits.float()  # accelerate's ConvertOutputsToFp32
        loss = out.loss
        del out, kept
        loss.backward()


def drop_gradients(model: Any) -> None:
    def drop(parameter: Any) -> None:
        parameter.grad = None

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(drop)


def sizes(tensors: Iterator[Any]) -> int:
    return sum({each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in tensors}.values())


def measure(case: dict[str, Any]) -> dict[str, int]:
    """The parts, and what was alive at once beside weights and states."""
    tracker = LiveStorages()
    with FakeTensorMode(allow_non_fake_inputs=True), tracker:
        model = build(case)
        weights = sizes(model.parameters())
        trained = [each for each in model.parameters() if each.requires_grad]
        optimizer = optimizer_of(model, case["arguments"])
        if case["arguments"].get("deepspeed"):
            drop_gradients(model)
        tracker.most = tracker.now
        train(model, case)
        states = [each for state in optimizer.state.values() for each in state.values()] if optimizer else []
    return {
        "weights": weights,
        "trained": sum(each.numel() for each in trained),
        "gradients": sum(each.numel() * each.element_size() for each in trained),
        "optimizer": sizes(iter(states)),
        "peak": tracker.most,
    }


if __name__ == "__main__":
    torch.nn.Module._apply = lambda self, *_, **__: self  # peft moves what is there already, which fake tensors refuse
    ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
    ALL_MASK_ATTENTION_FUNCTIONS["sdpa"] = lambda *_, **__: None
    for number, asked in enumerate(json.load(sys.stdin)):
        print(number, json.dumps(measure(asked)), file=OUT, flush=True)

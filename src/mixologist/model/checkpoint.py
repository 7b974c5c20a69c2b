"""Adapters as PEFT folders (adapter_config.json + adapter_model.safetensors), written and read without pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mixologist.errors import UserError
from mixologist.files import digest, read_json, write_folder, write_json
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.families import linears, sizes, transposed

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
HARMLESS = frozenset({
    "alpha", "auto_mapping", "base_model_name_or_path", "fan_in_fan_out", "inference_mode", "lora_alpha",
    "lora_dropout", "peft_type", "peft_version", "qalora_group_size", "r", "revision", "target_modules", "task_type",
    "use_rslora", "layers_to_transform", "layers_pattern", "loftq_config", "runtime_config", "ensure_weight_tying",
})  # fmt: skip
"""Keys of a PEFT configuration that we read, or that change nothing once the weights are there. Any other key must
have PEFT's default: an option that we do not know may change what the adapter computes."""
PLAIN_STARTS = (True, False, None, "gaussian")
"""Initialisations that leave the base's own weights as they are (PiSSA, OLoRA and others change them)."""


@dataclass(frozen=True)
class AdapterFile:
    """An adapter as read from its folder: module name -> (A (r, d_in), B (d_out, r))."""

    shape: Shape
    modules: dict[str, tuple[Tensor, Tensor]]


def adapter_digest(folder: Path) -> str:
    """SHA-256 over configuration and weights: what tells one adapter from another of the same name."""
    return hashlib.sha256("".join(digest(folder / part) for part in (CONFIG, WEIGHTS)).encode()).hexdigest()


def save_adapter(bank: Bank, name: str, folder: Path) -> None:
    """Write one adapter, complete by itself: ``common``, where there is one, is folded in.

    With scales s_t and s_c: B' = [s_t B_t | s_c B_c], A' = [A_t; A_c], alpha' = r' = r_t + r_c (DESIGN: Plans).
    """
    names = [shape.name for shape in bank.shapes]
    index = names.index(name)
    parts = [index, len(names) - 1] if bank.common and name != names[-1] else [index]
    if len(parts) == 1:
        shape = bank.shapes[index]
    else:
        r = sum(bank.shapes[part].r for part in parts)
        shape = Shape(name, r, r)
    tensors: dict[str, Tensor] = {}
    for layer in bank.layers:
        a, b = zip(*(_cut(bank, layer, part, fold=len(parts) > 1) for part in parts), strict=True)
        tensors[f"{PREFIX}{layer.module_name}.lora_A.weight"] = torch.cat(a).contiguous()
        tensors[f"{PREFIX}{layer.module_name}.lora_B.weight"] = torch.cat(b, dim=1).contiguous()
    write_adapter(
        folder, tensors, adapter_config(bank.base, shape, [layer.module_name for layer in bank.layers])
    )


def _cut(bank: Bank, layer: Any, index: int, *, fold: bool) -> tuple[Tensor, Tensor]:
    """A and B of one adapter, its scale folded into B on demand."""
    a, b = layer.lora_A[index].detach().cpu(), layer.lora_B[index].detach().cpu()
    return a, b * bank.shapes[index].scale if fold else b


def adapter_config(base: Base, shape: Shape, modules: Sequence[str]) -> dict[str, Any]:
    """The PEFT configuration; module names are resolved, so that PEFT wraps exactly these layers."""
    alpha = int(shape.alpha) if float(shape.alpha).is_integer() else shape.alpha
    config = LoraConfig(
        r=shape.r,
        lora_alpha=alpha,
        use_rslora=shape.use_rslora,
        target_modules=list(modules),
        task_type="CAUSAL_LM",
        fan_in_fan_out=any(transposed(module) for module in base.blocks.modules()),
        base_model_name_or_path=base.name,
        inference_mode=True,
    ).to_dict()
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    return {key: plain[key] for key in sorted(plain)}


def write_adapter(folder: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Both files, or neither."""

    def fill(beside: Path) -> None:
        write_json(beside / CONFIG, config)
        save_file(tensors, beside / WEIGHTS, metadata={"format": "pt"})

    write_folder(folder, fill)


def read_adapter(folder: Path, name: str | None = None) -> AdapterFile:
    """Read a LoRA folder that PEFT or we wrote. Raises `UserError` for what is damaged or not plain LoRA."""
    for part in (CONFIG, WEIGHTS):
        if not (folder / part).is_file():
            pickled = (
                " (adapter_model.bin is pickled, and not read)" * (folder / "adapter_model.bin").is_file()
            )
            raise UserError(
                "not an adapter folder",
                given=f"{folder} lacks {part}{pickled}",
                expected=f"{CONFIG} and {WEIGHTS}",
                do="name a folder that PEFT's save_pretrained or mixologist made",
            )
    config = read_json(folder / CONFIG)
    _refuse_unknown(folder, config)
    shape = Shape(
        name or folder.name, int(config["r"]), float(config["lora_alpha"]), bool(config.get("use_rslora"))
    )
    try:
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise UserError(
            "the adapter file is damaged",
            given=f"{folder / WEIGHTS}: {error}",
            expected="whole safetensors",
            do="restore the file, or train the adapter again",
        ) from error
    return AdapterFile(shape, _pair(folder, tensors, shape.r))


def _refuse_unknown(folder: Path, config: Any) -> None:
    said = (
        {key: config.get(key) for key in ("peft_type", "r", "lora_alpha")} if isinstance(config, dict) else {}
    )
    numbers = isinstance(said.get("r"), int) and isinstance(said.get("lora_alpha"), int | float)
    if not numbers or said["peft_type"] != "LORA":
        raise UserError(
            "the adapter is not LoRA",
            given=f"{folder / CONFIG}: {said}",
            expected='"peft_type": "LORA" with r and lora_alpha',
            do="mixologist reads LoRA adapters only",
        )
    defaults = LoraConfig().to_dict() | {"init_lora_weights": True}
    odd = [
        key
        for key, value in config.items()
        if key not in HARMLESS
        and (value or None) != (defaults.get(key) or None)
        and not (key == "init_lora_weights" and value in PLAIN_STARTS)
    ]
    if odd:
        raise UserError(
            "the adapter uses options of PEFT that mixologist does not compute",
            given=f"{folder / CONFIG}: {', '.join(odd)}",
            expected="plain LoRA",
            do="merge it into its base, or train it without these options",
        )


def _pair(folder: Path, tensors: dict[str, Tensor], r: int) -> dict[str, tuple[Tensor, Tensor]]:
    modules: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, part = key.removeprefix(PREFIX).rpartition(".lora_")
        modules.setdefault(name, {})[part.split(".")[0]] = tensor
    for name, parts in modules.items():
        if set(parts) != {"A", "B"} or parts["A"].shape[0] != r or parts["B"].shape[1] != r:
            shapes = {part: tuple(tensor.shape) for part, tensor in parts.items()}
            raise UserError(
                "the adapter file does not fit its configuration",
                given=f"{folder}: {name} has {shapes}",
                expected=f"lora_A ({r}, d_in) and lora_B (d_out, {r})",
                do="restore the folder from a copy",
            )
    return {name: (parts["A"], parts["B"]) for name, parts in modules.items()}


def load_bank(base: Base, files: Sequence[AdapterFile]) -> Bank:
    """A bank of adapters that were read, for inference. A layer that an adapter lacks stays zero for it.

    Raises `UserError` where an adapter names a layer or size that the base does not have: it belongs to another base.
    """
    there = {name: sizes(linear) for name, linear in linears(base.model).items()}
    for file in files:
        for name, (a, b) in file.modules.items():
            if there.get(name) != (a.shape[1], b.shape[0]):
                raise UserError(
                    f"adapter '{file.shape.name}' does not fit the base",
                    expected=f"linears in the blocks of {base.name}",
                    given=f"{name}: {a.shape[1]} -> {b.shape[0]}",
                    do="use the base it was trained on",
                )
    modules = [name for name in there if any(name in file.modules for file in files)]
    bank = Bank(base, [file.shape for file in files], modules=modules)
    for index, file in enumerate(files):
        fill(bank, index, file)
    bank.freeze()
    return bank


def fill(bank: Bank, index: int, file: AdapterFile) -> None:
    """Put an adapter that was read into a place of the bank."""
    bank.flat[index].zero_()
    for layer in bank.layers:
        if layer.module_name in file.modules:
            a, b = file.modules[layer.module_name]
            layer.lora_A[index].data.copy_(a)
            layer.lora_B[index].data.copy_(b)

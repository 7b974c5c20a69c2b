"""The frozen base: loaded from ``builtin``, a folder or a hub id, in eval mode, with nothing to train in it.

Only safetensors are read and no code of a repository is run.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedConfig

from mixologist.errors import UserError
from mixologist.files import digest
from mixologist.memory import keep_few_shapes
from mixologist.model import families
from mixologist.model.builtin import builtin

DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64, "nf4": torch.bfloat16,
}  # fmt: skip
"""What is computed in."""


@dataclass(frozen=True)
class Base:
    """A loaded base. ``blocks`` are its decoder blocks, bottom first."""

    name: str
    folder: Path | None
    """Where its files lie; None for a hub id."""
    model: Any  # transformers PreTrainedModel
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype
    """What is computed in."""
    number: str
    """Of `DTYPES`: what the weights of the blocks' linears are."""
    lock: AbstractContextManager[Any] = field(default_factory=RLock, repr=False, compare=False)
    """Held by whoever reads or generates: which adapters a pass goes through is told to the blocks themselves."""

    @property
    def blocks(self) -> nn.ModuleList:
        """The decoder blocks, bottom first."""
        return families.blocks(self.model)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over config and weights, of a hub id over its commit: adapters belong to exactly one base."""
        if self.folder is None:
            made_by = [
                self.name,
                getattr(self.model.config, "_commit_hash", None) or _scalars(self.model.config),
            ]
            return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
        return folder_digest(self.folder)

    def check_digest(self, expected: str) -> None:
        """Raise `UserError` where a run was trained on another base."""
        if self.digest != expected:
            raise UserError(
                "the base has changed since the run was trained",
                given=self.name,
                expected=f"weights with digest {expected[:12]}",
                do="restore the base's files",
            )


def _scalars(config: Any) -> dict[str, Any]:
    """What a configuration says of the model itself, and not of who reads it and how."""
    passing = ("transformers_version", "dtype", "torch_dtype", "_attn_implementation_autoset")
    return {
        k: v for k, v in config.to_dict().items() if isinstance(v, int | str | float) and k not in passing
    }


def folder_digest(folder: Path) -> str:
    """SHA-256 over configuration, tokenizer, chat template and weights of a model folder."""
    named = [
        folder / name
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    ]
    files = [*(file for file in named if file.is_file()), *sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("".join(digest(file) for file in files).encode()).hexdigest()


def locate(name: str) -> Path | None:
    """The folder of a base, checked; None for a hub id. Raises `UserError` for a folder that is not a model."""
    if name == "builtin":
        return builtin()
    folder = Path(name).expanduser()
    if not folder.exists():
        if name.count("/") == 1 and not name.startswith((".", "/", "~")):
            return None
        raise UserError(
            "base_model not found",
            given=name,
            expected="'builtin', a model folder, or a hub id owner/name",
            do="check the path, or write base_model: builtin",
        )
    missing = [part for part in ("config.json", "tokenizer.json") if not (folder / part).is_file()]
    if missing or not list(folder.glob("*.safetensors")):
        wanting = ", ".join(missing or ["*.safetensors (pickled .bin weights are not read)"])
        raise UserError(
            "base_model is a folder but not a model",
            given=f"{folder} lacks {wanting}",
            expected="config.json, tokenizer.json and *.safetensors, as save_pretrained writes them",
            do="name the folder that holds these files",
        )
    return folder.resolve()


def read_config(name: str) -> Any:
    """The base's configuration, its family checked; no weights are read."""
    folder = locate(name)
    try:
        raw, _ = PreTrainedConfig.get_config_dict(str(folder or name))
        problem = families.unknown(raw)
        if problem is None:
            config = AutoConfig.from_pretrained(str(folder or name), trust_remote_code=False)
            problem = families.lacks(config)
    except Exception as error:  # Transformers raises many kinds for a damaged file
        raise _unreachable(name, folder, error) from error
    if problem is None:
        return config
    raise UserError(
        f"base_model is of the family '{raw.get('model_type')}', which is not supported: {problem}",
        given=name,
        expected=f"one of {', '.join(families.FAMILIES)}",
        do="choose a base of one of these families",
    )


def read_tokenizer(name: str) -> Any:
    """The base's tokenizer. Only fast ones will do: the router needs to know which tokens are the user's."""
    folder = locate(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder or name), trust_remote_code=False)
    except Exception as error:  # as above
        raise _unreachable(name, folder, error) from error
    if not tokenizer.is_fast or tokenizer.eos_token is None:
        raise UserError(
            "the base's tokenizer cannot be used",
            given=type(tokenizer).__name__,
            expected="a fast tokenizer (tokenizer.json) with an end-of-sequence token",
            do="save the tokenizer anew with Transformers, or choose another base",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(name: str, *, dtype: str = "auto", device: str = "auto") -> Base:
    """Load weights and tokenizer. ``auto``: a CUDA device where there is one, bfloat16 where hardware multiplies it."""
    keep_few_shapes()
    config, folder = read_config(name), locate(name)
    place = choose_device(device)
    name_of_dtype = str(choose_dtype(place)).removeprefix("torch.") if dtype == "auto" else dtype
    number = DTYPES[name_of_dtype]
    quantised = four_bits(config, place) if name_of_dtype == "nf4" else {}
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            str(folder or name), config=config, dtype=number, use_safetensors=True, trust_remote_code=False,
            output_loading_info=True,
            experts_implementation="eager" if number == torch.float64 else None,  # grouped products lack float64
            **quantised,
        )  # fmt: skip
    except Exception as error:  # safetensors and Transformers raise many kinds for a damaged file
        raise _unfit_weights(name, str(error)[:300]) from error
    if report["missing_keys"]:  # Transformers would go on with random numbers in their place
        raise _unfit_weights(name, f"no weights for {', '.join(sorted(report['missing_keys'])[:3])} ...")
    model.requires_grad_(False).eval().to(place)
    for module in model.modules() if quantised else ():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = (
                False  # it would lay the weights out anew in the middle of a run
            )
    return Base(name, folder, model, read_tokenizer(name), place, number, name_of_dtype)


def four_bits(config: Any, device: torch.device) -> dict[str, Any]:
    """Transformers' options for linears in NF4 (Dettmers et al. 2023, arXiv 2305.14314, section 3), their scales in
    eight bits. Raises `UserError` where bitsandbytes is missing or cannot do it on this device.
    """
    problem = "its linears lie the other way round" if config.model_type == "gpt2" else ""
    try:
        from bitsandbytes.nn import Linear4bit

        tried = Linear4bit(64, 64, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4").to(device)
        tried(torch.ones(1, 64, dtype=torch.bfloat16, device=device))
    except Exception as error:  # bitsandbytes raises many kinds where its library lacks a device
        problem = problem or str(error).strip().splitlines()[0][:200]
    if problem:
        raise UserError(
            "training.dtype: nf4 cannot be used here",
            given=f"{config.model_type} on {device.type}: {problem}",
            expected="bitsandbytes, a device that it serves (CUDA; a CPU, slowly), and any family but gpt2",
            do="pip install 'mixologist[4bit]', or write dtype: auto",
        )
    options = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    return {"quantization_config": options, "device_map": {"": device}}


def whole(dtype: str) -> str:
    """The dtype of a base whose weights are to be changed: four bits cannot be."""
    return "bfloat16" if dtype == "nf4" else dtype


def choose_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on GPUs and CPUs that multiply it in hardware (1.4 times as fast on a CPU), else float32.

    Asked of the processor and not timed, so that two runs on one machine never differ in it.
    """
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


def choose_device(device: str) -> torch.device:
    """``auto`` is CUDA where there is one. Raises `UserError` for a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            "training.device cannot be used",
            given=device,
            expected="auto, cpu, or a CUDA device present",
            do="write device: auto",
        ) from error
    return place


def _unfit_weights(name: str, problem: str) -> UserError:
    return UserError(
        "the base's weights cannot be read",
        given=f"{name}: {problem}",
        expected="whole safetensors that fit config.json",
        do="fetch or save the model again",
    )


def _unreachable(name: str, folder: Path | None, error: Exception) -> UserError:
    if folder is not None:
        return UserError(
            "base_model cannot be read",
            given=f"{folder}: {str(error)[:300]}",
            expected="a model folder as save_pretrained writes it",
            do="save the model again",
        )
    offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
    return UserError(
        "base_model is neither a folder here nor to be had from the hub",
        given=name + offline,
        expected="'builtin', a model folder, or a hub id that can be reached",
        do="check the name and the connection, or write base_model: builtin",
    )

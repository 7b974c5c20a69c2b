"""The recipe: every knob, its default and its unit. Names follow Hugging Face wherever one exists there.

Only shapes and ranges are declared here; reading, overrides and messages are in ``load``. No torch.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A task or adapter name: it becomes a folder name, so letters, digits, ``_ . -`` only."""
ADDRESS = r"^https?://[^/]"
DEVICE = r"^(auto|cpu|cuda(:\d+)?)$"

Challenge = Literal["negation", "numbers", "typos", "reworded"]
"""How test rows are altered (``tasks.challenges``)."""

RESERVED_NAMES = frozenset({
    "auto", "base", "common", "few_shot", "full_multi_task", "full_single_task", "general", "groups", "math",
    "merged_linear", "merged_ties", "oracle", "routed", "shared", "single_task", "single_task_total_steps", "tfidf",
})  # fmt: skip
"""Names with a meaning of their own; no task may take one."""


class Section(BaseModel):
    """Any part of a recipe: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


Column = str | tuple[str, ...]
"""One column, or several that are read as one text, each after its name."""


class Join(Section):
    """A side file whose columns stand beside each row's own, as ``documents.text`` for documents.jsonl."""

    file: str
    """Beside the data's own files."""
    on: str
    """The column that both have; it tells which row of the side file belongs to a row."""


class OutOfScope(Section):
    """Which rows of a task's data belong to no task: texts for the base, never the task's own examples."""

    column: str
    values: Annotated[tuple[str, ...], Field(min_length=1)]
    """What stands in the column of such a row; ``""`` for an empty cell."""


class Slice(Section):
    """One way to part a task's test rows, each part with a result of its own."""

    by: str
    """``length`` (of the input, in characters), ``label``, or a column of the data."""
    edges: tuple[float, ...] = ()
    """Where one band of numbers ends and the next begins, ascending: [50, 100] makes three. None: by value."""


class TaskSpec(Section):
    """One task: a shipped ``card``, or inline data. Keys given here override the card's."""

    card: str | None = None
    """``domain/name`` of a shipped card, or the path of a card file (``.yaml``)."""
    name: Name | None = None
    path: str | None = None
    """A folder with train/validation/test files, one file (jsonl, json, csv, parquet), or a hub id."""
    format: str | None = None
    """Detected from the columns when left out."""
    text: Column | None = None
    """Column that holds the input text; short for ``columns: {text: ...}``."""
    label: str | None = None
    """Column that holds the label; short for ``columns: {label: ...}``."""
    columns: dict[str, Column] = {}
    """The format's field -> the data's column, for every column that is named otherwise."""
    join: Join | None = None
    labels: tuple[str, ...] | None = None
    """The closed set of labels; taken from the train split when left out."""
    scale: tuple[float, float] | None = None
    """Lowest and highest answer of format ``regression``; taken from the data when left out."""
    instruction: str | None = None
    rewordings: tuple[str, ...] = ()
    """Other ways to say the instruction, seen by the router in training."""
    held_out_rewordings: tuple[str, ...] = ()
    """Still other ways, used to evaluate the router and never to train it."""
    metric: str | None = None
    tolerance: NonNegative = 0.01
    """Relative tolerance of ``numeric_match``."""
    max_new_tokens: Positive | None = None
    """Longest answer when decoding, in tokens; the format's own default when left out."""
    max_length: Positive | None = None
    """Longest prompt + answer in tokens; ``training.max_length`` when left out."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Multiplies the schedule's probability of drawing this task, in examples."""
    train_rows: Positive | None = None
    validation_rows: Positive | None = None
    test_rows: Positive | None = None
    """Caps, drawn by seed, never the first rows."""
    cluster: str | None = None
    """Column that names what several rows are about (a person, a contract). These stay in one split where splits are
    carved, and are drawn as a whole for intervals and verdicts."""
    out_of_scope: OutOfScope | None = None
    slices: tuple[Slice, ...] = ()
    challenges: tuple[Challenge, ...] = ()
    """Altered copies of the test rows to answer too; each costs about as much as the test rows do."""


class ShareSpec(TaskSpec):
    """General or math data: a task whose rows make up ``share`` of every adapter's stream, to regularise."""

    share: Share = 0.1


class Mixture(Section):
    """With which probability each task is drawn (``mixing.schedules`` has the formulas)."""

    schedule: Literal[
        "round_robin", "uniform", "proportional", "temperature", "anneal_to_uniform", "anneal"
    ] = "proportional"
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Exponent of ``temperature``: p ~ rows^alpha; 1 is proportional, 0 uniform (T5 writes 1/T)."""
    toward: Literal["smaller", "harder"] = "smaller"
    """Where ``anneal`` ends: at the tasks with fewer rows, or at those whose validation loss fell least."""
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How far ``anneal`` goes: the exponent reached at the end."""


class Adapters(Section):
    """Which adapters there are (``plan``) and their LoRA shape."""

    plan: Literal["auto", "per_task", "shared", "groups"] = "auto"
    groups: dict[Name, tuple[Name, ...]] = {}
    """For plan ``groups``: adapter name -> its tasks. Every task in exactly one group."""
    r: Positive = Field(default=16, validation_alias=AliasChoices("r", "lora_r", "rank"))
    lora_alpha: Annotated[float, Field(gt=0)] = 32
    lora_dropout: Share = 0.0
    use_rslora: bool = False
    """Scale alpha/sqrt(r) instead of alpha/r."""
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Names (endings) of linear layers inside the blocks; ``all-linear`` is all but the output head."""
    trunk: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """Blocks at the bottom without adapters. ``auto``: the deepest measured to cost under a point, else 0."""
    common: bool = False
    """One more adapter, always on beside the chosen one."""


class Router(Section):
    """The network that picks the adapter from the frozen base's hidden states."""

    depth: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """How many blocks it reads; ``auto``: a quarter of them, or the trunk where that is deeper."""
    abstain: Literal["auto", "never"] | Annotated[float, Field(gt=0, lt=1)] = "auto"
    """Base score above which the base answers; ``auto`` is 0.5, where 99% of own validation prompts stay below."""
    hidden_size: Positive = 128
    num_train_epochs: Positive = 30
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    rows_per_task: Positive = 1500
    """Train rows of a task that the router sees, each in three wordings."""
    out_of_scope: bool = True
    """Whether it sees the tasks' out-of-scope rows of train and validation, as prompts of the base."""


class Training(Section):
    """How each adapter is trained. Counts are per adapter: its updates never depend on its neighbours."""

    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    full_learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Of the fully fine-tuned baselines; a tenth of ``learning_rate`` when left out."""
    num_train_epochs: Annotated[float, Field(gt=0, le=10_000)] = 3
    max_steps: Positive | None = None
    """Stop after so many steps of the mixture, whatever the epochs say."""
    batch_size: Positive = Field(
        default=16,
        validation_alias=AliasChoices("batch_size", "per_device_train_batch_size", "train_batch_size"),
    )
    """Examples per adapter per update."""
    weight_decay: NonNegative = 0.01
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Share = 0.05
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    adam_beta1: Share = 0.9
    adam_beta2: Share = 0.999
    adam_epsilon: Annotated[float, Field(gt=0)] = 1e-8
    max_length: Annotated[int, Field(ge=16)] = 1024
    """Longest prompt + answer in tokens; the context is shortened, never the answer."""
    max_tokens_per_batch: Annotated[int, Field(ge=64)] = 4096
    """Tokens computed at once, by which evaluation goes, too. Changes memory and speed, not the updates."""
    loss_weighting: Literal["task", "token"] = "task"
    """``task``: token mean per task, weighted by its examples in the update; ``token``: mean over tokens."""
    early_stopping_patience: Positive | None = None
    """Validations, each after new updates of it, without a better loss after which an adapter stops."""
    checkpoint_every: Positive = 50
    """Steps between checkpoints; a killed run continues from the last."""
    gradient_checkpointing: bool = False
    """Compute blocks again in the backward pass: less memory, one more forward pass, the same gradients."""
    trunk_cache_gb: Annotated[float, Field(ge=0, le=1e6)] = 20
    """Most disk space (10^9 bytes) for hidden states that a trunk leaves for its adapters; 0: computed each time."""
    torch_compile: bool = False
    """Compile the blocks in training."""
    dtype: Literal["auto", "float32", "bfloat16", "float64", "nf4"] = "auto"
    """``nf4``: the frozen base's linears in four bits, computed in bfloat16 (QLoRA, arXiv 2305.14314)."""
    device: Annotated[str, Field(pattern=DEVICE)] = "auto"
    """``auto``: CUDA where there is one."""
    report_to: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()

    @property
    def read_at_once(self) -> int:
        """Tokens that evaluation and the router read at once, to fit where training does: without a backward pass a
        token takes a fifth of the memory (tensors of 17 and 90 kB on the built-in base), and not much less than where
        blocks are computed again (22 kB).
        """
        return self.max_tokens_per_batch * (1 if self.gradient_checkpointing else 2)


class Endpoint(Section):
    """A model of someone else, behind an OpenAI-compatible server, as a system to compare with."""

    endpoint: Annotated[str, Field(pattern=ADDRESS)]
    """Base address, such as ``https://host/v1``. Test rows are sent there."""
    model: Annotated[str, Field(min_length=1)]
    """Its name on that server."""
    name: Name | None = None
    """What the system is called in the evaluation; the model's name when left out."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; unset for servers that want none."""
    concurrency: Positive = 8
    """Questions under way at once."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds for one answer."""

    @property
    def called(self) -> str:
        """The system's name, fit to be a file's."""
        return self.name or re.sub(r"[^A-Za-z0-9_.-]", "_", self.model)


Baseline = Literal[
    "base",
    "few_shot",
    "single_task",
    "single_task_total_steps",
    "full_single_task",
    "full_multi_task",
    "merged_linear",
    "merged_ties",
    "tfidf",
]


class Evaluation(Section):
    """What is measured, when, and against what."""

    every: Annotated[float, Field(gt=0)] = 0.5
    """Epochs between validations while training."""
    validation_loss_rows: Positive = 128
    """Rows per task for the validation loss while training, drawn by seed."""
    baselines: tuple[Baseline | Endpoint, ...] = ("base", "single_task", "tfidf")
    """What stands beside the run's own systems (`evaluation.systems` says what each is)."""
    total_steps_tasks: tuple[Name, ...] = ()
    """Tasks that ``single_task_total_steps`` is trained for; all of them when left out."""
    transfer: bool = False
    """Whether every single-task adapter also answers the other tasks' test rows."""
    forgetting: bool = True
    """Whether it is measured what each adapter keeps of the base's general ability."""
    gradient_agreement: bool = False
    """Whether training looks, now and then, at how the gradients of tasks that share an adapter agree."""
    shots: Positive = 4
    """Train rows shown before each question of ``few_shot``."""
    seeds: Positive = 1
    """Trainings with as many seeds; each costs as much as the first. With 3 or more a verdict is on the recipe."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    smallest_effect: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """The smallest difference of interest, in the metric's units (0.05 is 5 points): where a test could not have
    found it, the verdict is ``not_enough_data``."""
    bootstrap_samples: Annotated[int, Field(ge=100)] = 2000


class Recipe(Section):
    """All one needs to repeat a run."""

    base_model: str = Field(
        default="builtin", validation_alias=AliasChoices("base_model", "model_name_or_path")
    )
    """``builtin``, a model folder, or a hub id."""
    output_dir: str = "runs/run"
    seed: int = 0
    tasks: Annotated[tuple[TaskSpec, ...], Field(min_length=1)]
    general: ShareSpec | None = None
    math: ShareSpec | None = None
    mixture: Mixture = Mixture()
    adapters: Adapters = Adapters()
    router: Router = Router()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()

"""Keys that users of other trainers type, and what does the same here."""

from __future__ import annotations

_NOT_HERE = "leave it out: "
_EVERY_BATCH = (
    "training.batch_size is the examples per update, training.max_tokens_per_batch what fits in memory"
)
_PRECISION = "use training.dtype: bfloat16, float32 or auto"
_LENGTH = "use training.max_length (tokens), or max_length of one task"
_DATA = "list each data set under tasks, with a card or a path"
_EPOCHS = "use training.num_train_epochs"
_CAP = "use train_rows of the task"
_VALIDATE = "use evaluation.every (epochs between validations)"
_SAVE = "use training.checkpoint_every (steps)"
_MEMORY = "lower training.max_tokens_per_batch to save memory"
_QUANTIZED = _NOT_HERE + "the base is not quantized; " + _MEMORY
_ADAMW = _NOT_HERE + "the optimizer is AdamW"
_ONLY_LORA = _NOT_HERE + "adapters are plain LoRA, with adapters.use_rslora as the one variant"

FOREIGN_KEYS = {
    "gradient_accumulation_steps": _EVERY_BATCH,
    "per_device_eval_batch_size": _NOT_HERE + _EVERY_BATCH,
    "micro_batch_size": _EVERY_BATCH,
    "bf16": _PRECISION,
    "fp16": _PRECISION,
    "tf32": _PRECISION,
    "torch_dtype": _PRECISION,
    "no_cuda": "use training.device: cpu",
    "use_cpu": "use training.device: cpu",
    "load_in_4bit": _QUANTIZED,
    "load_in_8bit": _QUANTIZED,
    "quantization_config": _QUANTIZED,
    "max_seq_length": _LENGTH,
    "max_seq_len": _LENGTH,
    "model_max_length": _LENGTH,
    "sequence_len": _LENGTH,
    "cutoff_len": _LENGTH,
    "packing": _NOT_HERE + "rows are joined without padding anyway",
    "group": "use cluster for rows about one person or document, adapters.groups for tasks that share an adapter",
    "group_by_length": _NOT_HERE + "rows are joined without padding anyway",
    "lora_target_modules": "use adapters.target_modules",
    "lora_target": "use adapters.target_modules",
    "use_dora": _ONLY_LORA,
    "bias": _ONLY_LORA,
    "modules_to_save": _ONLY_LORA,
    "peft_type": _ONLY_LORA,
    "task_type": _ONLY_LORA,
    "model": "use base_model",
    "model_name": "use base_model",
    "model_id": "use base_model",
    "dataset": _DATA,
    "datasets": _DATA,
    "dataset_name": _DATA,
    "train_file": _DATA,
    "validation_file": _DATA,
    "data_path": _DATA,
    "max_samples": _CAP,
    "max_train_samples": _CAP,
    "val_set_size": "use validation_rows of the task",
    "dataset_text_field": "use text of the task (the column's name)",
    "lr": "use training.learning_rate",
    "epochs": _EPOCHS,
    "num_epochs": _EPOCHS,
    "steps": "use training.max_steps",
    "lr_scheduler": "use training.lr_scheduler_type",
    "scheduler": "use training.lr_scheduler_type, or mixture.schedule for the order of tasks",
    "warmup_steps": "use training.warmup_ratio (share of all steps)",
    "optim": _ADAMW,
    "optimizer": _ADAMW,
    "eval_steps": _VALIDATE,
    "eval_strategy": _VALIDATE,
    "evaluation_strategy": _VALIDATE,
    "save_steps": _SAVE,
    "save_strategy": _SAVE,
    "save_total_limit": _NOT_HERE + "only the latest checkpoint is kept",
    "load_best_model_at_end": _NOT_HERE + "every adapter keeps its best state",
    "logging_steps": _NOT_HERE + "metrics.jsonl in the run folder holds every record",
    "push_to_hub": _NOT_HERE + "mixologist export writes PEFT folders that you can upload",
    "hub_model_id": _NOT_HERE + "mixologist export writes PEFT folders that you can upload",
}

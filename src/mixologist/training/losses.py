"""Loss weights: each adapter's loss is normalised over its own update alone, whatever shares the batch with it.

    L_a = sum over tasks t of (n_t / n) * mean over target tokens of t         loss_weighting: task
    L_a = mean over all target tokens                                          loss_weighting: token

n_t = examples of task t in the update, n = all of them. With ``task``, ten two-token labels are not drowned by one long
answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def token_weights(tasks: Sequence[str], tokens: Sequence[int], weighting: str) -> list[float]:
    """Weight of each target token of every example of one update; the weighted sum of losses is L_a.

    ``tasks`` and ``tokens`` (target tokens) are given per example.

    >>> token_weights(["a", "b"], [1, 4], "task")
    [0.5, 0.125]
    >>> token_weights(["a", "b"], [1, 4], "token")
    [0.2, 0.2]
    """
    if weighting == "token":
        return [1 / sum(tokens)] * len(tokens)
    examples = Counter(tasks)
    per_task: Counter[str] = Counter()
    for task, count in zip(tasks, tokens, strict=True):
        per_task[task] += count
    return [examples[task] / len(tasks) / per_task[task] for task in tasks]

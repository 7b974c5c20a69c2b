"""The memory that training takes, foreseen from shapes alone; `benchmarks/memory.py` holds it against measured peaks.

P = parameters of the base, T = tokens computed at once, L = blocks, d = hidden size, V = vocabulary

Memory grows with T in a straight line: some is fixed, the rest is so much a token.
"""

from __future__ import annotations

from dataclasses import dataclass

from mixologist.model.estimate import Skeleton
from mixologist.model.head import AT_ONCE

LIBRARIES = 900_000_000
"""Bytes of a process that has imported everything and loaded nothing (690 MB), and on a CPU of what oneDNN makes for
the shapes that it keeps (200 MB). A CUDA context takes about as much."""
ACTIVATIONS, A_MOMENT = 28, 12
"""Numbers kept for the backward pass per token, block and hidden unit, and those that one block needs for a moment.
Counted on the built-in base: 22 for all of both, 43 where blocks are computed again."""
HOLES = 48
"""Numbers per token and hidden unit that a CPU's heap holds beside them in pieces too small for the next tensor,
however many blocks there are (docs/decisions/0016). With the others fitted to peaks of the built-in base."""
DROPPED = 15
"""Numbers kept besides where adapters have dropout: what they read, and its mask. Measured there at 8,192 tokens."""
VECTORS = 4
"""Copies of what is trained, float32 (float64 where the base is): weights, gradients, two moments. A fifth, the best
state, lies in the machine's own memory."""
NUMBER_BYTES = {"float64": 8.0, "float32": 4.0, "bfloat16": 2.0}
FOUR_BITS = 0.5 + 0.5 / 64 + 4 / (64 * 256)
"""Bytes of a number in nf4 with its doubly quantised scales (blocks of 64, of 256; QLoRA, arXiv 2305.14314)."""


@dataclass(frozen=True)
class Footprint:
    """Bytes of a training."""

    libraries: int
    base: int
    trained: int
    """Adapters (or whole copies of the base) with all that their optimizer keeps."""
    logits: int
    a_token: int
    """Activations of one token."""

    @property
    def fixed(self) -> int:
        """What does not grow with the tokens computed at once."""
        return self.libraries + self.base + self.trained + self.logits

    def total(self, tokens: int) -> int:
        """The peak with so many tokens computed at once."""
        return self.fixed + self.a_token * tokens

    def largest(self, room: float) -> int:
        """Most tokens at once that fit into ``room`` bytes; 0 where nothing does."""
        return max(0, int((room - self.fixed) // self.a_token))


def footprint(
    base: Skeleton,
    trained: int,
    dtype: str,
    *,
    trunk: int = 0,
    full: bool = False,
    recompute: bool = False,
    dropout: bool = False,
    on_gpu: bool = False,
) -> Footprint:
    """Training's memory; a GPU's where it trains there.

    Args:
        base: the frozen one.
        trained: numbers of all adapters in the bank.
        dtype: of the base: a name in `NUMBER_BYTES`, or nf4 (its linears in four bits, the rest in bfloat16).
        trunk: lowest blocks that carry no adapter: nothing of theirs is kept for the backward pass.
        full: whether copies of the base are also trained whole, one at a time, when the adapters are done.
        recompute: whether blocks keep their inputs only; one at a time then has all its activations.
        dropout: whether adapters have any.
        on_gpu: whether the best state is somewhere else, and no heap has holes.
    """
    number = NUMBER_BYTES["bfloat16" if dtype == "nf4" else dtype]
    inside = sum(d_in * d_out for d_in, d_out in base.linears.values()) if dtype == "nf4" else 0
    weights = (base.parameters - inside) * number + inside * FOUR_BITS
    moved = max(trained, base.parameters if full else 0)
    above = base.blocks - (0 if full else trunk)
    # The copy that a pass multiplies with: adapters' of one block at a time, or kept of all.
    lowered = (number if number < 4 else 0) / (above if recompute and not full else 1)
    vectors = VECTORS + (not on_gpu)
    in_a_block = ACTIVATIONS + dropout * DROPPED
    beside = A_MOMENT + HOLES * (not on_gpu)
    kept = beside + (in_a_block + above if recompute else in_a_block * above)
    return Footprint(
        libraries=LIBRARIES,
        base=int(weights),
        trained=int(moved * (vectors * max(4.0, number) + lowered)),
        logits=int((2 * number + 4) * AT_ONCE),  # they, their gradient, one of both in float32
        a_token=int(kept * base.hidden_size * number),
    )

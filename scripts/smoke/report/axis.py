"""The marks of a time axis: round steps, and as few as fit."""

from __future__ import annotations

import math


def steps(end_ms: float, *, most: int) -> tuple[tuple[float, str], ...]:
    """Moments (milliseconds) from 0 to `end_ms`, at most `most` and at least one, each with its label.

    The step is 1, 2 or 5 times a power of ten. The unit stands with the last label alone.
    """
    least = end_ms / max(1, most - 1) if end_ms > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))
    moments = [step * n for n in range(int(end_ms / step + 1e-9) + 1)]
    seconds = step >= 100
    texts = [f"{at / 1000:g}" if seconds else f"{at:g}" for at in moments]
    texts[-1] += " s" if seconds else " ms"
    return tuple(zip(moments, texts, strict=True))

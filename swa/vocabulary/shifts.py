"""Token shifts: which tokens a removal makes more or less likely on average (docs/methods.md#token-shifts)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swa.data.token_text import token_text
from swa.engine.measures.pass_sums import PassSums
from swa.engine.variants.interventions import BASELINE
from swa.schemas.cards import TokenShift, TokenShifts


def token_shifts(tokenizer: Any, sums: PassSums, name: str, *, n_top: int, excluded_ids: Sequence[int]) -> TokenShifts:
    """Tokens that gain and lose most probability, averaged over all scored positions.

    Args:
        tokenizer: For the tokens' texts.
        sums: What the pass added up.
        name: Name of the removal.
        n_top: Tokens of each end.
        excluded_ids: Special and padded ids, which are in the total variation but in no list.
    """
    n = int(sums.n_targets.sum())
    before, after = sums.p[BASELINE.name] / n, sums.p[name] / n
    delta_logp = (sums.logp[name] - sums.logp[BASELINE.name]) / n
    delta = after - before
    listed = np.ones(len(delta), dtype=bool)
    listed[list(excluded_ids)] = False
    ids = np.flatnonzero(listed)
    gains, losses = (ids[np.argsort(sign * delta[ids], kind="stable")[:n_top]] for sign in (-1.0, 1.0))

    def shift(number: int) -> TokenShift:
        text = token_text(tokenizer, number)
        return TokenShift.model_validate(
            {
                "id": number,
                "tok": text.tok,
                "str": text.text,
                "delta_p": float(delta[number]),
                "delta_logp": float(delta_logp[number]),
                "p_baseline": float(before[number]),
                "p_modified": float(after[number]),
            }
        )

    return TokenShifts(
        up=[shift(int(number)) for number in gains if delta[number] > 0],
        down=[shift(int(number)) for number in losses if delta[number] < 0],
        total_variation=float(np.abs(delta).sum() / 2),
    )

"""Window metrics by a plain transformers loop: full logits, float64, one window after the other."""

from __future__ import annotations

import numpy as np
import scipy.special
import scipy.stats
import torch

from swa.data.function_words import stopword_ids

METRICS = ("loss", "entropy", "topk_margin", "stopword_mass", "logit_margin")


def windows_by_hand(ids, *, tokens, length, stride):
    """(ids, first target) of each window, from the definition: each token is scored once, by the first that can."""
    found, end, scored = [], 1, 0
    start = 0
    while scored < tokens:
        stop = min(start + length, end + tokens - scored)
        found.append((ids[start:stop], end - start))
        scored, end = scored + stop - end, stop
        start += stride
    return found


def plain_sums(network, loaded, windows, *, drop_first=False):
    """Per window sums of the five metrics, and sums of p and log p over all targets, in float64."""
    stop = list(stopword_ids(loaded.tokenizer))
    rows, counts, p_sum, logp_sum = [], [], 0.0, 0.0
    for ids, first in windows:
        first = first + drop_first
        with torch.no_grad():
            logits = network(input_ids=ids[None], use_cache=False).logits[0, first - 1 : -1].double().numpy()
        logp = scipy.special.log_softmax(logits, -1)
        p = np.exp(logp)
        top, high = np.sort(p, -1), np.sort(logits, -1)
        targets = ids[first:].numpy()
        rows.append(
            [
                -logp[np.arange(len(targets)), targets].sum(),
                scipy.stats.entropy(p, axis=-1).sum(),
                (top[:, -1] - top[:, -2]).sum(),
                p[:, stop].sum(),
                (high[:, -1] - high[:, -2]).sum(),
            ]
        )
        counts.append(len(targets))
        p_sum, logp_sum = p_sum + p.sum(0), logp_sum + logp.sum(0)
    return np.array(rows), np.array(counts), p_sum, logp_sum


def metrics_of(record):
    return np.array([getattr(record, name) for name in METRICS])

"""The way between lm-evaluation-harness and the engine: its encoding, its generation, our answers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from lm_eval.models.huggingface import HFLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from swa.engine.packing.trees import TargetedSequence
from swa.errors import UsageError
from swa.models.loading.loaded import LoadedModel


class Encoder(HFLM):  # type: ignore[misc]
    """lm-eval's own model class, of which only the answering is replaced: it gives the tokens to be scored instead.

    Encoding, the first token of empty contexts, truncation and generation are inherited.
    """

    def __init__(self, loaded: LoadedModel, *, batch_size: int) -> None:
        # a copy, because a padding token may be added to it
        super().__init__(
            pretrained=loaded.model,
            tokenizer=copy.deepcopy(loaded.tokenizer),
            max_length=loaded.context_length,
            batch_size=batch_size,
        )
        self._device = loaded.device

    def _loglikelihood_tokens(  # the name is lm-eval's
        self, requests: Sequence[tuple[Any, list[int], list[int]]], **_: Any
    ) -> list[TargetedSequence]:
        return [self._sequence(context, continuation) for _, context, continuation in requests]

    def loglikelihood_rolling(self, requests: Sequence[Any], **_: Any) -> list[list[TargetedSequence]]:
        """The windows of each document, cut as lm-eval cuts them."""
        found = []
        for request in requests:
            (text,) = request.args
            windows = get_rolling_token_windows(
                token_list=self.tok_encode(text),
                prefix_token=self.prefix_token_id,
                max_seq_len=self.max_length,
                context_len=1,
            )
            found.append([self._sequence(*make_disjoint_window(window)) for window in windows])
        return found

    def _sequence(self, context: list[int], continuation: list[int]) -> TargetedSequence:
        """What is too long loses its beginning, as in `HFLM._loglikelihood_tokens`.

        Raises:
            UsageError: The continuation alone is longer than the model's context.
        """
        if len(continuation) > self.max_length:
            raise UsageError(
                f"A task has an answer of {len(continuation)} tokens; the model's context is {self.max_length}.",
                hint="Leave the task out with --accuracy-tasks.",
            )
        tokens = (context + continuation)[-(self.max_length + 1) :]
        return TargetedSequence(tuple(tokens), len(continuation))

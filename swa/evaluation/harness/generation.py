"""Generation under every variant, in items: lm-eval's own, on the edited model, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from swa.engine.ledger import item_key, model_content
from swa.engine.variants.batch import automatic_batch_size
from swa.engine.variants.interventions import Variant, applied
from swa.engine.variants.plan import release_memory
from swa.errors import OutOfMemoryError, UsageError, is_out_of_memory
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.parts import Advance, Part, answer_of, digest
from swa.evaluation.variants import Chunk
from swa.models.loading.loaded import LoadedModel
from swa.progress import Progress
from swa.store.ledger import Answer


class Generator:
    """Answers generation requests.

    Args:
        loaded: The model.
        encoder: lm-eval's model class around it.
        requests: lm-eval's `Instance`s.
        batch_size: Prompts at once; `None`: by memory.
        seed: Seed of tasks that sample; the same for every variant, so that they stay paired.
        progress: Where a halved batch is told.

    Raises:
        UsageError: A task wants to generate more tokens than the model's context holds.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        encoder: Encoder,
        requests: Sequence[Any],
        *,
        batch_size: int | None,
        seed: int,
        progress: Progress,
    ) -> None:
        self._loaded, self._encoder, self._requests = loaded, encoder, requests
        self._seed, self._progress, self._batch_size = seed, progress, batch_size
        self._check()
        lengths = [len(encoder.tok_encode(request.args[0])) for request in requests]
        n_at_once = batch_size or self._automatic(lengths)
        # the longest first, as in lm-eval: what does not fit shows at once
        order = sorted(range(len(requests)), key=lambda number: (-lengths[number], number))
        self.batches = [order[start : start + n_at_once] for start in range(0, len(order), n_at_once)]

    def parts(self, chunks: Sequence[Chunk]) -> list[Part]:
        """The items, batch after batch; computing one raises OutOfMemoryError where a single prompt does not fit."""
        return [self._part(number, chunk) for number in range(len(self.batches)) for chunk in chunks]

    def _part(self, number: int, chunk: Chunk) -> Part:
        chosen = [self._requests[index] for index in self.batches[number]]
        seed = self._seed + number

        def compute(advance: Advance) -> Answer:
            return answer_of([self._answer(chosen, variant, seed, advance) for variant in chunk])

        key = item_key(
            "generations",
            model=model_content(self._loaded),
            requests=digest([request.args for request in chosen]),
            seed=seed,
            batch_size=self._batch_size,
            variants=[variant.content for variant in chunk],
        )
        return Part.of(key, self.batches[number], chunk, compute)

    def _answer(self, chosen: Sequence[Any], variant: Variant, seed: int, advance: Advance) -> list[str]:
        with applied(self._loaded, variant.interventions), torch.random.fork_rng():
            torch.manual_seed(seed)
            texts = self._generate(chosen)
        for _ in chosen:
            advance()
        return texts

    def _generate(self, chosen: Sequence[Any]) -> list[str]:
        self._encoder.batch_size_per_gpu = len(chosen)  # lm-eval's name for the rows of a batch
        try:
            texts: list[str] = self._encoder.generate_until(list(chosen), disable_tqdm=True)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return texts
        if len(chosen) == 1:
            raise OutOfMemoryError("Memory does not suffice to generate from one prompt.", hint="Try --max-memory.")
        release_memory()
        half = (len(chosen) + 1) // 2
        self._progress.warn(f"Out of memory with {len(chosen)} prompts at once; going on with {half}.")
        return self._generate(chosen[:half]) + self._generate(chosen[half:])

    def _n_new(self, request: Any) -> int:
        return int(request.args[1].get("max_gen_toks", self._encoder.max_gen_toks))

    def _check(self) -> None:
        for request in self._requests:
            n_new, context = self._n_new(request), self._encoder.max_length
            if n_new >= context:
                raise UsageError(
                    f"The task '{request.task_name}' generates up to {n_new} tokens; the model's context is {context}.",
                    hint="Leave the task out with --accuracy-tasks.",
                )

    def _automatic(self, lengths: Sequence[int]) -> int:
        longest = max(length + self._n_new(request) for length, request in zip(lengths, self._requests, strict=True))
        return automatic_batch_size(
            self._loaded.sites,
            n_tokens=longest,
            vocabulary=self._loaded.model.get_output_embeddings().weight.shape[0],
            device=self._loaded.device,
        )

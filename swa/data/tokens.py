"""Which ids of a vocabulary are tokens of text: those that a tokenizer knows and that have no special task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def known_ids(tokenizer: PreTrainedTokenizerBase, n_logits: int) -> list[int]:
    """Ids below `n_logits` that the tokenizer has a piece for, ascending; the others are padding of the matrix.

    Where a vocabulary has no holes these are the ids below `len(tokenizer)`.
    """
    return sorted({number for number in tokenizer.get_vocab().values() if 0 <= number < n_logits})


def special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Ids of special tokens: those with a role (`<s>`, `<pad>`) and those that were only added as special."""
    added = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return {*tokenizer.all_special_ids, *added}


def text_ids(tokenizer: PreTrainedTokenizerBase, n_logits: int) -> list[int]:
    """Ids that stand for text, ascending: known and not special."""
    special = special_ids(tokenizer)
    return [number for number in known_ids(tokenizer, n_logits) if number not in special]


def unlisted_ids(tokenizer: PreTrainedTokenizerBase, n_logits: int) -> list[int]:
    """The other ids below `n_logits`, ascending: special or padded. No list of tokens shows them."""
    return sorted(set(range(n_logits)) - set(text_ids(tokenizer, n_logits)))

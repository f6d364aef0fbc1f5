"""What a single token says: its raw piece, and its text with the blank that it brings.

A token alone decodes to another text than inside a sentence: SentencePiece drops the blank of a first `▁the`, WordPiece
drops `##`, byte tokens become characters only together. So each token is decoded behind another one, whose text is cut
off again. This holds for byte-level BPE, SentencePiece with byte fallback and WordPiece without knowing which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_IN_FRONT = "a"


class TokenText(NamedTuple):
    """One token.

    Attributes:
        tok: Raw vocabulary piece, such as `Ġthe`.
        text: Its text, such as ` the`; bytes that are no whole character are `�`.
    """

    tok: str
    text: str


def token_text(tokenizer: PreTrainedTokenizerBase, number: int) -> TokenText:
    """Piece and text of one token."""
    return TokenText(_piece(tokenizer, number), token_texts(tokenizer, [number])[0])


def token_texts(tokenizer: PreTrainedTokenizerBase, numbers: Sequence[int]) -> list[str]:
    """Texts of many tokens, each as it stands behind another token; fast enough for a whole vocabulary."""
    front = tokenizer(_IN_FRONT, add_special_tokens=False)["input_ids"]
    start, *behind = _decoded(tokenizer, [front, *([*front, number] for number in numbers)])
    alone = [index for index, text in enumerate(behind) if not text.startswith(start)]
    texts = [text[len(start) :] for text in behind]
    if alone:  # the token changes what stands before it, so it can only be decoded alone
        for index, text in zip(alone, _decoded(tokenizer, [[numbers[index]] for index in alone]), strict=True):
            texts[index] = text
    return texts


def _decoded(tokenizer: Any, sequences: list[list[int]]) -> list[str]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # in parallel, where transformers decodes one after the other
        return list(backend.decode_batch(sequences, skip_special_tokens=False))
    return [tokenizer.decode(ids, clean_up_tokenization_spaces=False) for ids in sequences]


def _piece(tokenizer: Any, number: int) -> str:
    piece = tokenizer.convert_ids_to_tokens(number)
    # some tokenizers of tiktoken's kind give bytes
    return piece.decode("utf-8", errors="backslashreplace") if isinstance(piece, bytes) else str(piece)

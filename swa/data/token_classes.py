"""Classes of tokens by what their text is, and which tokens of a vocabulary belong to which.

See docs/methods.md#enrichment.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from swa.data.function_words import PRONOUNS, is_function_word

_BRACKETS = frozenset("()[]{}<>（）［］｛｝【】「」『』《》〈〉")
_YEAR = re.compile(r"(?:1[7-9]\d\d|20[0-4]\d|2050)s?")
_CODE = re.compile(
    r"""(?<![=<>!])[=!<>]=(?![=<>]) | => | -> | :: | \+\+ | && | \|\| | </ | /> | // | /\* | \*/ | \(\) | \[\] | \{\}
    | [)\]}]; | ^[{};]+$ | \#include | \$\{
    | [A-Za-z]_[A-Za-z] | ^_+[A-Za-z]""",
    re.VERBOSE,
)
_CAMEL = re.compile(r"[a-z]{2}[A-Z][a-z]")
_KEYWORDS = frozenset(
    """argc args argv async await bool boolean char const constexpr css def dict div elif elsif endif enum extern fn
    foreach func goto href html http https ifdef ifndef impl init instanceof int json kwargs lambda len malloc
    namespace nil null nullptr param params printf println sizeof sprintf sql src std stderr stdin stdout str
    strlen struct tuple typedef typeof uint var void xml""".split()
)
_URL = re.compile(r"https?|www|://|\.(?:com|org|net|edu|gov|io|html?|php)\b|\burls?\b|\bhref\b", re.IGNORECASE)


class _Token(NamedTuple):
    """A token's text, whole and without blanks around it, and whether the latter is letters only."""

    text: str
    core: str
    letters: bool


def _is_year(token: _Token) -> bool:
    return not token.letters and _YEAR.fullmatch(token.core) is not None


@cache
def _is_sign(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def _is_punctuation(token: _Token) -> bool:
    return bool(token.core) and not token.letters and all(map(_is_sign, token.core))


def _is_code(token: _Token) -> bool:
    if token.letters:
        return token.core in _KEYWORDS or _CAMEL.search(token.core) is not None
    return _CODE.search(token.core) is not None or _CAMEL.search(token.core) is not None


_TESTS: dict[str, Callable[[_Token], bool]] = {
    "digits": lambda token: token.core.isdecimal(),
    "years": _is_year,
    "digits_years": lambda token: token.core.isdecimal() or _is_year(token),
    "parentheses": lambda token: _is_punctuation(token) and not _BRACKETS.isdisjoint(token.core),
    "punctuation": _is_punctuation,
    "whitespace_prefixed": lambda token: bool(token.core) and token.text[0].isspace(),
    "capitalised": lambda token: token.letters and token.core[0].isupper() and token.core[1:].islower(),
    "all_caps": lambda token: token.letters and len(token.core) > 1 and token.core.isupper(),
    "pronouns": lambda token: token.letters and token.core.lower() in PRONOUNS,
    "function_words": lambda token: is_function_word(token.text),
    "word_suffix": lambda token: token.text.isalpha(),
    "code": _is_code,
    "url": lambda token: _URL.search(token.core) is not None,
    "non_ascii": lambda token: not token.text.isascii(),
    "newline": lambda token: "\n" in token.text or "\r" in token.text,
}
"""What makes a token a member.

digits: nothing but digits. years: 1700 to 2050, also `1990s`. digits_years: either. parentheses: punctuation with a
bracket in it. punctuation: nothing but punctuation and ASCII signs. whitespace_prefixed: something behind a blank.
capitalised: one upper-case letter, then lower-case ones. all_caps: two or more upper-case letters. pronouns,
function_words: in the project's lists, in any case. word_suffix: letters without a blank in front (the rest of a word,
or a word at the beginning of a text: a vocabulary does not tell them apart). code: operators, `snake_case`,
`camelCase`, keywords that are no English words. url: pieces of addresses. non_ascii: any character beyond ASCII, bytes
of such a one too. newline: a line break.
"""

CLASSES = tuple(_TESTS)
"""Names of the classes, in the order of their rows."""


@dataclass(frozen=True, eq=False)
class TokenClasses:
    """Class membership over some tokens.

    Attributes:
        texts: Text of each token.
        members: `(n_classes, n_tokens)`: which class holds which token.
    """

    texts: list[str]
    members: NDArray[np.bool_]


def token_classes(texts: Sequence[str]) -> TokenClasses:
    """Sort tokens into classes; one token may be in several. Some seconds for 250,000 tokens, so do it once."""
    tokens = [_Token(text, core, core.isalpha()) for text in texts for core in [text.strip()]]
    members = [np.fromiter(map(test, tokens), dtype=np.bool_, count=len(tokens)) for test in _TESTS.values()]
    return TokenClasses(list(texts), np.stack(members))

"""English function words: the project's own list, and their ids in a vocabulary.

Function words are the closed classes: they tie a sentence together and carry little meaning of their own. The list
holds articles, determiners, pronouns, prepositions, conjunctions, auxiliary verbs with their contractions, question
words, and particles and adverbs of degree, negation and place that behave like them. Words that are mostly nouns,
full verbs or adjectives are left out, numerals too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swa.data.token_text import token_texts
from swa.data.tokens import text_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PRONOUNS = frozenset(
    """i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves themself one oneself who whom whose whoever whomever
    somebody someone something anybody anyone anything nobody none nothing everybody everyone everything""".split()
)
"""Personal, possessive, reflexive, relative and indefinite pronouns."""

DETERMINERS = frozenset(
    """a an the this that these those each every either neither some any no all both half several many much few little
    more most less least fewer enough such other another same own which what whatever whichever""".split()
)
PREPOSITIONS = frozenset(
    """about above across after against along alongside amid among amongst around as at before behind below beneath
    beside besides between beyond by concerning despite down during except for from in inside into like near of off on
    onto opposite out outside over past per plus regarding round since than through throughout till to toward towards
    under underneath unlike until unto up upon versus via with within without""".split()
)
CONJUNCTIONS = frozenset(
    """and or but nor so yet for if unless because although though while whereas whether since until once lest
    provided albeit when where why how whenever wherever however therefore thus hence moreover""".split()
)
AUXILIARIES = frozenset(
    """be am is are was were been being have has had having do does did doing will would shall should can could may
    might must ought cannot 's 't 're 've 'll 'd 'm n't isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't
    didn't won't wouldn't shan't shouldn't can't couldn't mightn't mustn't i'm i've i'll i'd you're you've you'll you'd
    he's she's it's we're we've we'll they're they've they'll that's there's what's who's let's""".split()
)
PARTICLES = frozenset(
    """not there here then now very too also just only even still already again ever never always often sometimes
    almost quite rather perhaps else instead away back together apart""".split()
)

FUNCTION_WORDS = PRONOUNS | DETERMINERS | PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | PARTICLES
"""All of them, in lower case with a straight apostrophe."""


def is_function_word(text: str) -> bool:
    """Whether a token's text, stripped and in lower case, is a function word."""
    return text.strip().lower().replace("’", "'") in FUNCTION_WORDS


def stopword_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids whose text is a function word, with or without a blank in front and in any case.

    See docs/methods.md#interventions.

    Special tokens are none. Ascending.
    """
    numbers = text_ids(tokenizer, 1 + max(tokenizer.get_vocab().values()))
    texts = token_texts(tokenizer, numbers)
    return [number for number, text in zip(numbers, texts, strict=True) if is_function_word(text)]

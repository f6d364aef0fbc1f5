"""How each kind of number is written: one rule a kind, in terminal, page, Markdown and figures alike.

| kind | rule | example |
|---|---|---|
| number | four digits, no zeros at the end: weights, factors, thresholds, moments | `5.876`, `0.5` |
| perplexity | four digits, zeros too: those of one model differ late | `128.9`, `20.00` |
| metric | three digits, zeros too: nats, probabilities, activations, ends of intervals | `0.150` |
| change | a metric's difference, modified minus intact, with its sign | `+1.94`, `−0.190` |
| ratio | three digits behind `×`; one that overflows by its logarithm | `×1.44`, `∞ (log-ratio 812.3)` |
| share | three decimals: accuracies, drops of them, shares | `0.430`, `−0.020` |
| p-value | four decimals | `0.0312`, `< 0.0001` |
| percentile, percent, depth | one decimal, none, two | `99.1`, `76 %`, `0.37` |
| count | every digit | `61,234` |
| size | bytes in GiB, three digits | `1.25 GiB` |

Everywhere a minus is `−`, thousands have a comma, what is below 0.001 or a million and more is `4.2×10⁻⁴`, zero is `0`,
and what is no number is `NaN`, `∞` or `−∞`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

_SIGNS = str.maketrans({"-": "−"})
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST, _LARGEST = -3, 6
"""Powers of ten from which on, and below which, a number is written without one."""


def number(value: float) -> str:
    """Four digits without zeros at the end: `128.9`, `12,345`, `0.5`, `1.2×10⁶`."""
    text = _significant(value, 4)
    return text.rstrip("0").rstrip(".") if "." in text and "×" not in text else text


def perplexity(value: float) -> str:
    """Four digits: `20.00`, `128.9`."""
    return _significant(value, 4)


def metric(value: float) -> str:
    """Three digits: `0.150`, `1.94`, `4.2×10⁻⁴`."""
    return _significant(value, 3)


def change(value: float) -> str:
    """Three digits and the sign: `+1.94`, `−0.190`; no change is `0`."""
    return f"+{metric(value)}" if value > 0 else metric(value)


def ratio(value: float, logarithm: float = math.nan) -> str:
    """A perplexity ratio with three digits; where it overflows the logarithm, which does not; of NaN `invalid`.

    Args:
        value: Modified over intact.
        logarithm: Its logarithm, where it is known by itself: that of a ratio which overflows.
    """
    if math.isinf(value) and math.isfinite(logarithm):
        return f"∞ (log-ratio {number(logarithm)})"
    return "invalid" if math.isnan(value) else f"×{metric(value)}"


def share(value: float) -> str:
    """Three decimals: `0.430`, `−0.020`, `0.000`; of a metric that is no share, from 10 on, as `number`."""
    if not abs(value) < 10:
        return number(value)
    return _signed(f"{value:.3f}")


def interval(low: float, high: float, written: Callable[[float], str] = metric) -> str:
    """`[5.60, 6.50]`, with `;` where the ends have commas of their own; the ends as `written` says."""
    ends = written(low), written(high)
    return f"[{('; ' if any(',' in end for end in ends) else ', ').join(ends)}]"


def p_value(value: float) -> str:
    """Four decimals, or that it is smaller than these can say."""
    return "< 0.0001" if value < 1e-4 else _decimals(value, 4)


def percentile(value: float) -> str:
    """0 to 100, one decimal."""
    return _decimals(value, 1)


def percent(value: float) -> str:
    """A share of all as whole percents: `76 %`."""
    return f"{_decimals(100 * value, 0)} %"


def depth(value: float) -> str:
    """Layer over number of layers, two decimals."""
    return _decimals(value, 2)


def count(value: int) -> str:
    """A whole number, every digit of it."""
    return f"{value:,}"


def size(n_bytes: float) -> str:
    """Bytes in GiB: `1.25 GiB`."""
    return f"{metric(n_bytes / 2**30)} GiB"


def aligned(values: Sequence[float]) -> list[str]:
    """Numbers that stand below each other, all with the decimals that give the largest three digits."""
    largest = max(map(abs, values), default=0.0)
    if not largest or not math.isfinite(largest) or not _SMALLEST <= _power(largest, 3) < _LARGEST:
        return [number(value) for value in values]
    decimals = max(0, 2 - _power(largest, 3))
    return [_signed(f"{value:,.{decimals}f}") for value in values]


def _significant(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return _no_number(value)
    if value == 0:
        return "0"
    power = _power(value, digits)
    if not _SMALLEST <= power < _LARGEST:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{_signed(mantissa)}×10{str(int(exponent)).translate(_RAISED)}"
    return _signed(f"{value:,.{max(0, digits - 1 - power)}f}")


def _power(value: float, digits: int) -> int:
    """The power of ten of the first digit, once the number is rounded."""
    return int(f"{value:.{digits - 1}e}".split("e")[1])


def _decimals(value: float, decimals: int) -> str:
    return _signed(f"{value:.{decimals}f}") if math.isfinite(value) else _no_number(value)


def _signed(text: str) -> str:
    """With a real minus; what is rounded to zero has none."""
    return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text.translate(_SIGNS)


def _no_number(value: float) -> str:
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"

"""Numbers as they stand in tables."""

from __future__ import annotations


def significant(value: float) -> str:
    """Three significant digits, without an exponent up to a million."""
    if 100 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def four_digits(value: float) -> str:
    """Four digits, without an exponent up to a million: perplexities of one model differ late."""
    if not 0.1 <= abs(value) < 1e6:
        return f"{value:.4g}"
    return f"{value:.2f}" if abs(value) < 99.995 else f"{value:.1f}" if abs(value) < 999.95 else f"{value:.0f}"


def two_decimals(value: float) -> str:
    """Two decimals below 10 and one below 100, where they matter; a zero has no sign."""
    size = abs(value)
    text = f"{value:.2f}" if size < 9.995 else f"{value:.1f}" if size < 99.95 else significant(value)
    return "0.00" if text == "-0.00" else text


def nats(value: float) -> str:
    """Nats per token: three decimals below 0.1, else two; a zero has no sign."""
    text = f"{value:.3f}" if abs(value) < 0.0995 else f"{value:.2f}"
    return "0.000" if text == "-0.000" else text

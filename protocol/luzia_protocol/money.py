"""Amounts of money as text, the same everywhere. A module of its own, because lists are shown without the structs."""

from __future__ import annotations

import math

_DECIMALS = 4


def format_usd(usd: float) -> str:
    """`$5.00`, `$1,250.50`, `$0.0123`, `$0.000002`: an amount of US dollars, which is never rounded to nothing."""
    decimals = max(_DECIMALS, 1 - math.floor(math.log10(usd))) if 0 < usd < 1 else _DECIMALS
    whole, _, rest = f"{usd:,.{decimals}f}".rstrip("0").partition(".")
    return f"${whole}.{rest:0<2}"

"""What tokens cost, for agents that report tokens and no cost: the user's prices, else those that luzia ships.

prices.toml beside this file has the shipped ones. A model without a price has an unknown cost, which is never 0.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from luzia_protocol.activity import Activity

from luziad.config.schema import PriceConfig

_FILE = os.path.join(os.path.dirname(__file__), "prices.toml")
_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_MILLION = 1_000_000


@cache
def shipped_prices() -> dict[str, PriceConfig]:
    """The shipped price of each model."""
    with open(_FILE, "rb") as file:
        return msgspec.convert(tomllib.load(file)["prices"], dict[str, PriceConfig])


class ComputedCost(NamedTuple):
    """A cost in US dollars, and the price from which it was computed, with the name under which it was found."""

    usd: float
    model: str
    price: PriceConfig


def find_price(model: str, own: Mapping[str, PriceConfig]) -> tuple[str, PriceConfig] | None:
    """The price of a model, with its name there: the whole one, or without a provider before a `/`, or without a date.

    own: the user's prices, which win.
    """
    bare = model.rpartition("/")[2]
    names = tuple(dict.fromkeys((model, bare, _DATED.sub("", bare))))
    for prices in (own, shipped_prices()):
        for name in names:
            if name in prices:
                return name, prices[name]
    return None


def compute_cost(activity: Activity, model: str | None, own: Mapping[str, PriceConfig]) -> ComputedCost | None:
    """The cost of an attempt by its tokens; None when tokens or their price are unknown.

    model: the one that was requested, for an agent that does not tell which one it uses.
    """
    name, read, written = activity.model or model, activity.tokens_in, activity.tokens_out
    if name is None or read is None or written is None:
        return None
    found, cached = find_price(name, own), min(activity.tokens_cached or 0, read)
    if found is None or (cached and found[1].cached is None):
        return None
    known, price = found
    cost = (read - cached) * price.input + cached * (price.cached or 0.0) + written * price.output
    return ComputedCost(cost / _MILLION, known, price)

"""Which price a model has."""

from __future__ import annotations

from datetime import date

import pytest

from luzia_protocol.activity import Activity

from luziad.config.prices import compute_cost, find_price, shipped_prices
from luziad.config.schema import PriceConfig

OWN = PriceConfig(input=1.0, output=2.0)


@pytest.mark.parametrize("model", ["gpt-5.4", "openai/gpt-5.4", "gpt-5.4-2026-03-05", "openai/gpt-5.4-2026-03-05"])
def test_the_users_price_wins_over_the_shipped_one_by_any_of_its_names(model: str) -> None:
    assert find_price(model, {}) == ("gpt-5.4", shipped_prices()["gpt-5.4"])
    assert find_price(model, {"gpt-5.4": OWN}) == ("gpt-5.4", OWN)


def test_a_model_without_a_price_has_an_unknown_cost_and_so_has_one_without_tokens() -> None:
    assert compute_cost(Activity(model="no-such-model", tokens_in=5, tokens_out=5), None, {}) is None
    assert compute_cost(Activity(model="gpt-5.4", tokens_in=5), None, {}) is None
    assert compute_cost(Activity(tokens_in=5, tokens_out=5), None, {}) is None


def test_every_shipped_price_says_since_when_and_from_where() -> None:
    for model, price in shipped_prices().items():
        assert date.fromisoformat(price.date or "") <= date.today(), model  # noqa: DTZ011
        assert price.source, model

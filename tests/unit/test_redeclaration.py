"""Which change of what a job declares can cost its recipients an alert."""

from dataclasses import replace

import pytest

from gocron.core.redeclaration import Declaration, is_news

BEFORE = Declaration("ops@example.com, dev@example.com", 3600, 600, False)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ops@example.com"},
        {"email": "ops@example.com, eve@example.com"},
        {"email": ""},
        {"frequency_s": 3601},
        {"grace_s": 601},
        {"frequency_s": 1, "grace_s": 4200},
        {"site": True},
    ],
)
def test_what_can_cost_an_alert_is_news(change) -> None:
    assert is_news(BEFORE, replace(BEFORE, **change))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"email": "dev@example.com,ops@example.com"},
        {"email": "OPS@example.com, dev@EXAMPLE.com,, dev@example.com"},
        {"frequency_s": 3599},
        {"grace_s": 0},
        {"frequency_s": 4200, "grace_s": 0},
    ],
)
def test_what_can_cost_none_is_none(change) -> None:
    assert not is_news(BEFORE, replace(BEFORE, **change))


def test_a_gateway_that_speaks_for_its_site_no_more_is_no_news() -> None:
    assert not is_news(replace(BEFORE, site=True), BEFORE)

"""What is said of a stream that was cut, whatever it was made of. The causes themselves: test_causes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.cuts import Expected, cut
from scripts.smoke.stream.sender import TIME_IS_UP, heartbeat_of
from tests.unit.smoke.stream.made import recording

TOKENS = Expected("7 tokens", patience="smoke.chat.timeout")
TAKEN = recording([0.1, 0.2], done=False, end=60.3, fault="the connection broke")


def test_what_came_is_told_in_its_own_unit() -> None:
    assert "cut after 7 tokens and 60.3 s" in cut(TAKEN, TOKENS, None).sentence


def test_a_limit_of_our_own_names_its_setting() -> None:
    cause = cut(replace(TAKEN, gave_up=True), TOKENS, None)
    assert cause.name == "cut_client"
    assert "raise smoke.chat.timeout" in cause.next_step


def test_the_handlers_word_counts_for_tokens_too() -> None:
    said = recording([0.1, 58.1], done=False, said=f'{{"text": "{TIME_IS_UP}"}}')
    assert cut(said, TOKENS, Deployed(function_timeout=60)).name == "cut_function"


@pytest.mark.parametrize(("header", "seconds"), [("15000", 15), ("0", 0), ("", None), ("soon", None)])
def test_the_handler_says_how_often_it_pings(header: str, seconds: float | None) -> None:
    assert heartbeat_of(recording([0.1], x_heartbeat_ms=header)) == seconds

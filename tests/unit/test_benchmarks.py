"""The arithmetic of comparing, and how it is written down. Nothing is measured here."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.errors import DeployError
from tests.benchmarks import command, picture, words
from tests.benchmarks.catalogue import CATALOGUE, chosen
from tests.benchmarks.figures import Arguments, Compared, Figure, Results, Spread, Table, in_turns

SPEED = Figure("mb_s", "20 MB", "MB/s", more_is_better=True, aim="≥ 0.9 ×")
DELAY = Figure("ms", "event", "ms", Compared.DIFFERENCE)


def table(samples: dict[str, list[dict[str, float]]], *figures: Figure) -> Table:
    return Table("Throughput", "limit", figures or (SPEED,), samples, ours=frozenset({"ours"}))


def asked(rounds: int = 2) -> Arguments:
    return Arguments(rounds=rounds, quick=False, say=lambda line: None)


def test_candidates_have_their_turns_round_by_round() -> None:
    turns: list[str] = []
    in_turns(["a", "b", "c"], asked(), lambda name: turns.append(name) or {})
    assert turns == ["a", "b", "c", "a", "b", "c"]


def test_a_candidate_that_cannot_be_measured_gets_no_further_turn_and_is_left_out() -> None:
    turns: list[str] = []

    def measure(name: str) -> dict[str, float] | None:
        turns.append(name)
        return None if name == "a" else {"ms": 1.0}

    assert in_turns(["a", "b"], asked(3), measure) == {"b": [{"ms": 1.0}] * 3}
    assert turns == ["a", "b", "b", "b"]


def test_a_machine_that_gets_slower_changes_the_values_and_not_the_ratio() -> None:
    samples = {
        "limit": [{"mb_s": 400.0}, {"mb_s": 40.0}, {"mb_s": 4.0}],
        "ours": [{"mb_s": 200.0}, {"mb_s": 20.0}, {"mb_s": 2.0}],
    }
    assert table(samples).spread("ours", SPEED) == Spread(20.0, 2.0, 200.0)
    assert table(samples).compared("ours", SPEED) == Spread(0.5, 0.5, 0.5)


def test_what_something_adds_is_the_difference_within_each_round() -> None:
    samples = {
        "limit": [{"ms": 1.0}, {"ms": 5.0}, {"ms": 2.0}],
        "ours": [{"ms": 1.5}, {"ms": 5.25}, {"ms": 3.0}],
    }
    assert table(samples, DELAY).compared("ours", DELAY) == Spread(0.5, 0.25, 1.0)


def test_the_reference_is_not_compared_with_itself() -> None:
    assert table({"limit": [{"mb_s": 1.0}]}).compared("limit", SPEED) is None


def test_a_figure_that_cannot_be_had_is_a_dash() -> None:
    shown = table({"limit": [{"mb_s": 1.0}], "buffered": [{}]})
    assert shown.spread("buffered", SPEED) is None
    assert words.cell(shown, "buffered", SPEED) == ("–", "")


def test_a_round_that_lacks_a_figure_does_not_shift_the_others() -> None:
    samples = {"limit": [{"mb_s": 1.0}, {"mb_s": 2.0}], "ours": [{}, {"mb_s": 4.0}]}
    assert table(samples).compared("ours", SPEED) == Spread(2.0, 2.0, 2.0)


def test_nothing_is_a_multiple_of_a_reference_of_zero() -> None:
    assert table({"limit": [{"mb_s": 0.0}], "ours": [{"mb_s": 1.0}]}).compared("ours", SPEED) is None


def test_without_the_reference_the_values_are_still_there() -> None:
    shown = table({"ours": [{"mb_s": 1.0}]})
    assert words.cell(shown, "ours", SPEED) == ("1.00", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (1.234, "1.23"), (99.96, "100"), (123.4, "123"), (12345.6, "12,300")],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_comparison_carries_its_range() -> None:
    assert words.beside(SPEED, Spread(0.5, 0.4, 0.6)) == "× 0.500 (0.400–0.600)"
    assert words.beside(DELAY, Spread(0.5, -0.1, 1.0)) == "+0.500 (-0.100 to +1.00)"


def results(samples: dict[str, list[dict[str, float]]]) -> Results:
    return Results("x", "A <b> & c", (table(samples),), missing={"a peer": "404"}, notes=("a note",))


def test_markdown_holds_tables_what_is_missing_and_the_notes() -> None:
    text = words.markdown(results({"limit": [{"mb_s": 2.0}], "ours": [{"mb_s": 1.0}]}), ["2026, a machine"])
    assert "| **ours** | 1.00 × 0.500 (0.500–0.500) |" in text
    assert "Not measured: a peer: 404" in text
    assert "- a note" in text


def test_the_picture_is_a_drawing_whatever_the_names_hold() -> None:
    drawing = ElementTree.fromstring(picture.svg(results({"limit": [{"mb_s": 2.0}], "a < b": [{}]}), "&"))
    assert drawing.tag.endswith("svg")


def test_a_value_far_beyond_the_others_does_not_flatten_them() -> None:
    samples = {
        name: [{"ms": ms}] for name, ms in {"limit": 1.0, "ours": 1.5, "h": 1.2, "buffered": 500.0}.items()
    }
    shown = Results("x", "X", (table(samples, DELAY),))
    drawing = ElementTree.fromstring(picture.svg(shown, ""))
    bars = [float(bar.attrib["width"]) for bar in drawing.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars[0] * 10 > bars[3] > bars[1]
    assert "500 ms ⟩⟩" in "".join(drawing.itertext())


def test_a_section_of_the_page_is_replaced_and_nothing_else() -> None:
    page = "before\n<!-- bench x -->\nold\n<!-- end -->\n<!-- bench y -->\n<!-- end -->\nafter\n"
    assert command.replaced(page, "x", "new\n") == page.replace("old\n", "new\n")
    with pytest.raises(DeployError, match="no place for z"):
        command.replaced(page, "z", "")


def test_every_benchmark_has_its_place_in_the_documentation() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "benchmarks.md").read_text()
    for name in CATALOGUE:
        command.replaced(page, name, "")


def test_a_name_that_no_benchmark_has_is_refused_with_those_that_there_are() -> None:
    assert chosen("all") == [*CATALOGUE]
    assert chosen("coldstart, handler") == ["coldstart", "handler"]
    with pytest.raises(DeployError) as refused:
        chosen("handler,speed")
    assert "speed" in refused.value.what and "coldstart" in refused.value.why

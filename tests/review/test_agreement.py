"""Is a difference a difference until it is settled, and is agreement beyond chance counted as Cohen counts it?"""

import pytest
from sklearn.metrics import cohen_kappa_score

from earlylearn.cli.review import _known
from earlylearn.data.readers.corrections import read_corrections
from earlylearn.errors import UsageError
from earlylearn.review.agreement import disagreements, kappa, settle
from earlylearn.review.bundle import take_in
from earlylearn.review.decisions import ADJUDICATOR, Decision
from tests.review.shapes import shapes_review


def said(**answers):
    return {
        row: Decision(uuid=row, id=row, given="cat", decision="relabel" if label else "keep", label=label)
        for row, label in answers.items()
    }


ANA, BEN = said(a="dog", b=None, c="dog", d="cow"), said(a="dog", b=None, c="cow", e=None)


def test_one_correction_per_row_and_differences_are_in_doubt():
    made = {each.id: each for each in settle({"ana": ANA, "ben": BEN})}
    assert list(made) == ["a", "b", "c", "d", "e"]
    assert (made["a"].label, made["a"].agreed, made["a"].reviewers) == ("dog", True, ("ana", "ben"))
    assert (made["b"].decision, made["b"].label) == ("keep", "cat")
    assert (made["c"].decision, made["c"].label, made["c"].agreed) == ("unsure", None, False)
    assert (made["d"].label, made["d"].agreed) == ("cow", None)
    assert set(disagreements({"ana": ANA, "ben": BEN})) == {"c"}


def test_the_adjudicator_stands_above_both_and_is_no_reviewer():
    answers = {"ana": ANA, "ben": BEN, ADJUDICATOR: said(c=None)}
    made = {each.id: each for each in settle(answers)}
    assert (made["c"].decision, made["c"].label, made["c"].agreed) == ("keep", "cat", False)
    assert made["c"].reviewers == ("ana", "ben")


def test_kappa_is_cohens():
    rows = "abcdefghij"
    first = said(**{row: "dog" if k % 3 else None for k, row in enumerate(rows)})
    second = said(**{row: "dog" if k % 2 else None for k, row in enumerate(rows)})
    names = [[str(each[row].label) for row in rows] for each in (first, second)]
    assert kappa(first, second) == pytest.approx(cohen_kappa_score(*names))
    assert kappa(first, said(z="dog")) is None
    assert kappa(said(a="dog"), said(a="dog")) is None


def test_the_terminal_says_what_is_known_what_is_to_be_settled_and_the_next_command(tmp_path):
    review, _ = shapes_review(tmp_path)
    assert _known(review.summary(), "runs/a b", again="earlylearn train x") == []  # nobody has answered
    for name, decision in (("ana", "keep"), ("ben", "unsure")):
        for row in review.queue.order:
            given = review.rows.given(row)
            review.decide(name, Decision(uuid=f"{name}-{row}", id=row, given=given, decision=decision))
    share, differ, after, again = _known(review.summary(), "runs/a b", again="earlylearn train x")
    assert share.startswith("Of the 6 flagged labels, between 0% and 100% are wrong (95 % sure, from ")
    assert differ.startswith(f"{len(review.queue.order)} rows were answered differently")
    assert differ.endswith("earlylearn review 'runs/a b'")
    assert after == "a corrected copy: earlylearn apply 'runs/a b' --out corrected"
    assert again.endswith(": earlylearn train x")


def test_corrections_changed_by_hand_are_never_written_over(tmp_path):
    review, _ = shapes_review(tmp_path)
    row = review.queue.order[0]
    given = review.rows.given(row)
    review.decide("ana", Decision(uuid="1", id=row, given=given, decision="keep"))
    path = review.write()
    assert review.write() == path
    assert review.put_aside is None  # the file is as it was written
    reordered = path.read_bytes() + b"\n"
    path.write_bytes(reordered)
    review.write()
    assert review.put_aside is None  # changed, yet says nothing else
    by_hand = path.read_text("utf-8-sig").replace("keep", "exclude")
    for name in ("corrections-by-hand.csv", "corrections-by-hand-2.csv"):
        path.write_text(by_hand)
        assert review.write() == path
        assert review.put_aside.name == name
        assert review.put_aside.read_text() == by_hand
    assert read_corrections(path)[0].decision == "keep"


def test_answers_may_come_back_as_a_spreadsheet_too_and_count_once(tmp_path):
    review, true = shapes_review(tmp_path)
    rows = review.queue.order[:3]
    lines = ["id,given_label,corrected_label,decision", *(f"{row},{review.rows.given(row)},,keep" for row in rows[1:])]
    lines.insert(2, f"{rows[0]},{review.rows.given(rows[0])},{true[rows[0]]},")
    sheet = tmp_path / "cleo.csv"
    sheet.write_text("\n".join(lines) + "\n")
    assert take_in(review, [sheet]) == {"cleo": 3}
    assert take_in(review, [sheet]) == {"cleo": 0}
    assert review.answers()["cleo"][rows[0]].label == true[rows[0]]
    sheet.write_text(sheet.read_text().replace("keep", "unsure"))
    assert take_in(review, [sheet]) == {"cleo": 2}
    sheet.write_text(f"id,given_label,corrected_label\n{rows[0]},Mug,circle\n")
    with pytest.raises(UsageError, match=r"cleo\.csv, answer 1: .*the data have"):
        take_in(review, [sheet])

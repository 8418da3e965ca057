"""How do the answers of several people become one decision per row, and how far do they agree?"""

from collections.abc import Mapping

from earlylearn.data.readers.corrections import Correction, Verdict
from earlylearn.review.decisions import ADJUDICATOR, Decision


def settle(answers: Mapping[str, Mapping[str, Decision]]) -> list[Correction]:
    """One correction per row that anybody looked at.

    All say the same: that. They differ: what the adjudicator said, else it cannot be told.

    Args:
        answers: decisions in force by reviewer and id; the adjudicator's under `ADJUDICATOR`.
    """
    settled = answers.get(ADJUDICATOR, {})
    people = {name: given for name, given in answers.items() if name != ADJUDICATOR}
    ids = dict.fromkeys(row for given in people.values() for row in given)
    corrections = []
    for row in ids:
        said = {name: given[row] for name, given in people.items() if row in given}
        same = len({(answer.decision, answer.label) for answer in said.values()}) == 1
        first = next(iter(said.values()))
        answer = settled.get(row) or (first if same else None)
        decision: Verdict = answer.decision if answer else "unsure"
        corrections.append(
            Correction(
                id=row,
                given=first.given,
                label={"keep": first.given, "relabel": answer.label if answer else None}.get(decision),
                decision=decision,
                reviewers=tuple(said),
                agreed=same if len(said) > 1 else None,
            )
        )
    return corrections


def disagreements(answers: Mapping[str, Mapping[str, Decision]]) -> dict[str, dict[str, Decision]]:
    """By id, the answers of rows on which reviewers differ, settled or not."""
    people = {name: given for name, given in answers.items() if name != ADJUDICATOR}
    found = {}
    for row in dict.fromkeys(row for given in people.values() for row in given):
        said = {name: given[row] for name, given in people.items() if row in given}
        if len({(answer.decision, answer.label) for answer in said.values()}) > 1:
            found[row] = said
    return found


def kappa(first: Mapping[str, Decision], second: Mapping[str, Decision]) -> float | None:
    """Cohen's kappa of two reviewers' answers over the rows both saw; None where it is not defined."""
    both = [(first[row], second[row]) for row in first if row in second]
    pairs = [((a.decision, a.label), (b.decision, b.label)) for a, b in both]
    if not pairs:
        return None
    agree = sum(a == b for a, b in pairs) / len(pairs)
    kinds = {kind for pair in pairs for kind in pair}
    chance = sum(
        sum(a == kind for a, _ in pairs) * sum(b == kind for _, b in pairs) / len(pairs) ** 2 for kind in kinds
    )
    return None if chance == 1 else (agree - chance) / (1 - chance)

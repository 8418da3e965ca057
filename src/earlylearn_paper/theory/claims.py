"""Which claims of the paper's theory can be checked, and by what?"""

from collections.abc import Callable, Iterator, Sequence

from earlylearn.errors import UsageError, setting
from earlylearn_paper.theory import early_claims, lemma_claims, memorization_claims, threshold
from earlylearn_paper.theory.claim import Claim

Check = Callable[[list[int]], list[Claim]]

# In the supplement's order, and last what it does not state; each yields one or more records.
CLAIMS: dict[str, Check] = {
    "theorem-1": memorization_claims.theorem_1,
    "lemma-2": lemma_claims.lemma_2,
    "equation-10": lemma_claims.equation_10,
    "first-time": early_claims.first_time,
    "proposition-3": early_claims.proposition_3,
    "theorem-4": early_claims.theorem_4,
    "proposition-5": early_claims.proposition_5,
    "theorem-6": memorization_claims.theorem_6,
    "lemma-7": lemma_claims.lemma_7,
    "lemma-8": lemma_claims.lemma_8,
    "lemma-9": lemma_claims.lemma_9,
    "lemma-10": lemma_claims.lemma_10,
    "lambda-2": threshold.lambda_2,
}


def chosen(claims: Sequence[str] | None) -> list[str]:
    """The claims of a list, in the supplement's order; all if None; UsageError for unknown ones."""
    if claims is None:
        return list(CLAIMS)
    listed = [claim for claim in ([claims] if isinstance(claims, str) else claims) if claim]
    unknown = [name for name in listed if name not in CLAIMS]
    if unknown or not listed:
        raise UsageError(
            f"{setting('claims', listed)}: {', '.join(unknown) or 'nothing'} is not known; "
            f"choose of {', '.join(CLAIMS)}"
        )
    return [name for name in CLAIMS if name in listed]


def check_claims(names: Sequence[str], seeds: list[int]) -> Iterator[tuple[str, list[Claim]]]:
    """Check the named claims one after the other, for every seed; yields each name with its records."""
    for name in names:
        yield name, CLAIMS[name](seeds)

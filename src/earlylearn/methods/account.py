"""How is a choice among settings told: in a line, and all that was tried?"""

from earlylearn.documents import Choice, TriedSetting
from earlylearn.methods.choice import Standing

NAMED = 0.05  # of the weight of the mean, from which on a setting is counted among those that make it


def tried(name: str, stage: str, standing: Standing, position: int, weight: float = 0.0) -> TriedSetting:
    """What is kept of a setting: where it ended, how it stood there, and how much it counts in the end."""
    agreement, behind = float(standing.agreement[position]), float(standing.behind[position])
    return {"name": name, "stage": stage, "agreement": agreement, "behind": behind, "weight": weight}


def account(competitors: list[TriedSetting], beaten: list[TriedSetting], *, agreed: float) -> Choice:
    """What was chosen.

    Args:
        competitors: those that make up the mean.
        beaten: those that were given up before.
        agreed: out-of-fold agreement of the mean with the given labels, in [0, 1].
    """
    ranked = sorted(competitors, key=lambda each: -each["weight"])
    best, *others = [each["name"] for each in ranked if each["weight"] >= NAMED]
    also = f", in a mean with {len(others)} that hardly differ{'s' if len(others) == 1 else ''}" if others else ""
    line = (
        f"{best}{also}; chosen among {len(ranked) + len(beaten)} by out-of-fold agreement with the given labels, "
        f"{agreed:.2f}"
    )
    return {"line": line, "agreement": agreed, "settings": [*ranked, *beaten]}

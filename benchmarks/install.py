"""How much of the install would be saved if what only commands, reports and pictures need were an extra?

Run:
    python -m benchmarks.install
"""

import re
import sys
from importlib import metadata
from pathlib import Path

CORE = ("torch", "numpy", "pandas", "scikit-learn")  # what the loss and the audit of labels need
GROUPS = {
    "command line": ("typer", "rich"),
    "reports": ("jinja2", "matplotlib"),
    "pictures": ("pillow",),
    "runs": ("lightning-fabric", "pydantic", "safetensors", "filelock"),
}


def needed(names: tuple[str, ...]) -> set[str]:
    """The distributions that these bring along, themselves included, as they are installed here; no extras."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        for requirement in metadata.requires(name) or ():
            condition = requirement.partition(";")[2]
            other = re.match(r"[\w.-]+", requirement)
            if other and "extra ==" not in condition and _is_here(other[0]):
                waiting.append(other[0])
    return found


def _is_here(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def megabytes(names: set[str]) -> float:
    """What the files of these distributions take on the disk; what Python compiled of them is not counted."""
    total = 0
    for name in names:
        for file in metadata.files(name) or ():
            path = Path(str(file.locate()))
            if path.suffix != ".pyc" and path.is_file():
                total += path.stat().st_size
    return total / 1e6


def measure() -> list[tuple[str, float, float]]:
    """Name, megabytes that it adds to the core, and that as a share of the whole, for each group and for all."""
    core = needed(CORE)
    everything = core | set().union(*(needed(names) for names in GROUPS.values()))
    whole = megabytes(everything)
    rows = [("core: " + ", ".join(CORE), megabytes(core), megabytes(core) / whole)]
    for name, names in GROUPS.items():
        others = core | set().union(*(needed(each) for group, each in GROUPS.items() if group != name))
        alone = megabytes(needed(names) - others)
        rows.append((f"{name}: {', '.join(names)}", alone, alone / whole))
    rows.append(("all but the core", whole - megabytes(core), 1 - megabytes(core) / whole))
    rows.append(("whole", whole, 1.0))
    return rows


if __name__ == "__main__":
    for name, size, share in measure():
        print(f"| {name} | {size:,.0f} MB | {share:.1%} |", file=sys.stdout)

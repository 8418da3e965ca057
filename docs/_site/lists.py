"""What is there by name: methods with papers, needs and costs; recipes; kinds of noise; networks?"""

from earlylearn.data.noise.kinds import NOISE
from earlylearn.methods import Needs, describe_methods, measured_costs
from earlylearn.recipes import RECIPES


def methods() -> str:
    """A section for each method: what it does, from which paper, what it costs, its hyperparameters."""
    costs = measured_costs()
    head = (
        f"Times are relative to cross-entropy's, measured with `{costs['command']}` on {costs['date']}: "
        f"{costs['what']}; {costs['hardware']}, torch {costs['torch']}, {costs['precision']}, "
        f"threads: {costs['threads']}."
    )
    sections = [head]
    for method in describe_methods():
        time = "not measured" if method["cost"] is None else f"{method['cost']:.1f} times cross-entropy's"
        facts = [
            f"- paper: {method['paper']}" if method["paper"] else "",
            f"- networks: {method['networks']}; time: {time}",
            *(f"- {need}" for need in _needs(method["needs"]) if need),
        ]
        rows = [
            f"| `{name}` | {field['default']} | {_cell(field['meaning'] or '')} |"
            for name, field in method["hyperparameters"].items()
        ]
        table = "\n".join(["| hyperparameter | published value | is |", "|---|---|---|", *rows]) if rows else ""
        parts = [f"## {method['name']}", method["summary"], "\n".join(filter(None, facts)), table]
        sections.append("\n\n".join(filter(None, parts)))
    return "\n\n".join(sections)


def recipes() -> str:
    """A row for each recipe."""
    rows = [f"| `{recipe.name}` | {_cell(recipe.source)} | {_cell(recipe.in_words())} |" for recipe in RECIPES.values()]
    return "\n".join(["| recipe | from | sets |", "|---|---|---|", *rows])


def noise() -> str:
    """A row for each kind of noise."""
    rows = [
        f"| `{name}:{kind.takes}` | {_cell(kind.description)} | {_cell(kind.source)} |" for name, kind in NOISE.items()
    ]
    return "\n".join(["| `--noise` | does | from |", "|---|---|---|", *rows])


def _needs(needs: Needs) -> list[str]:
    memory = needs["bytes_per_example"]
    return [
        f"noise rate: {needs['noise_rate']}" if needs["noise_rate"] else "",
        f"transition matrix: {needs['transition_matrix']}" if needs["transition_matrix"] else "",
        f"memory of an example: {memory['per_class']} bytes for each class and {memory['beside']} beside",
    ]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

"""What did planted wrong labels say of the data of a run, where a diagnosis of them lies beside it?"""

from pathlib import Path
from typing import Any, cast

from earlylearn.data.fingerprint import fingerprint
from earlylearn.data.sources import Loaded
from earlylearn.errors import UsageError
from earlylearn.files import fault, read_json
from earlylearn.memory import CanaryVerdict
from earlylearn.runs.config import RunConfig

SUFFIX, DOCUMENT = "-diagnosis", "diagnosis.json"


def told_beside(run: Path, config: RunConfig, loaded: Loaded) -> CanaryVerdict | None:
    """The verdict of the newest diagnosis in a folder beside a run's that is of the same data under the same noise.

    Those are ``NAME-diagnosis``, as `earlylearn diagnose` calls them; what cannot be read is passed over.
    """
    found = sorted(run.parent.glob(f"*{SUFFIX}/{DOCUMENT}"), key=lambda path: path.stat().st_mtime, reverse=True)
    if not found:
        return None
    own = fingerprint(loaded)
    for path in found:
        try:
            document = read_json(path)
        except UsageError:
            continue
        if isinstance(document, dict) and _is_of(document, own, config):
            verdict = document.get("summary")
            if fault(verdict, CanaryVerdict) is None:
                return {**cast(CanaryVerdict, verdict), "path": str(path.parent)}
    return None


def _is_of(document: dict[str, Any], own: str, config: RunConfig) -> bool:
    """Whether a diagnosis is of these data; injected noise is another with every seed."""
    same = document.get("fingerprint") == own and document.get("noise") == config.noise
    return same and (config.noise is None or document.get("seed") == config.seed)

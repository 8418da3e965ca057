"""How do noisy labels get into a file that this and other software can read?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.data.noise.kinds import make_noise
from earlylearn.data.sources import load
from earlylearn.errors import UsageError


def write_noisy_labels(data: str, spec: str, target: Path, *, seed: int, **request: Any) -> dict[str, Any]:
    """Draw noise on the labels of a data set and write the noisy ones.

    Args:
        data: as for `earlylearn.data.sources.load`, with ``request`` its other arguments.
        spec: ``KIND:RATE``.
        target: ``.npz`` (``labels``, ``true_labels``, ``wrong``, ``seed``), ``.npy`` (labels as integers) or ``.csv``
            (one column of class names).
        seed: of the draw.

    Returns:
        ``file, kind, rate, seed, n, wrong, wrong_fraction`` (realised).

    Raises:
        UsageError: the data or the noise is wrong, or the file cannot be written.
    """
    if target.suffix not in (".npz", ".npy", ".csv"):
        raise UsageError(f"--out {target}: must end in .npz, .npy or .csv")
    source = load(data, **request).train
    noisy = make_noise(spec, source, seed=seed)
    try:
        if target.suffix == ".npz":
            arrays = {"labels": noisy.labels, "true_labels": source.labels, "wrong": noisy.wrong}
            np.savez_compressed(target, seed=seed, **arrays)  # type: ignore[arg-type]
        elif target.suffix == ".npy":
            np.save(target, noisy.labels, allow_pickle=False)
        else:
            pd.DataFrame({"label": np.asarray(source.classes)[noisy.labels]}).to_csv(target, index=False)
    except OSError as error:
        raise UsageError(f"--out {target}: {error.strerror}; choose a file you may write") from None
    return {
        "file": str(target),
        "kind": noisy.kind,
        "rate": noisy.rate,
        "seed": seed,
        "n": len(source),
        "wrong": int(noisy.wrong.sum()),
        "wrong_fraction": noisy.wrong_fraction,
    }

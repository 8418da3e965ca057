"""How do noisy labels get into a file that this and other software can read?"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earlylearn.data.counting import say
from earlylearn.data.noise.kinds import make_noise
from earlylearn.data.readers.frames import as_csv
from earlylearn.data.sources import load
from earlylearn.errors import UsageError, setting
from earlylearn.files import write_bytes
from earlylearn.values import whole_number


def write_noisy_labels(data: str, noise: str, out: Path, *, seed: int, **request: Any) -> dict[str, Any]:
    """Draw noise on the labels of a data set and write the noisy ones, all or nothing; tells what became of the data.

    Args:
        data: as for `earlylearn.data.sources.load`, with ``request`` its other arguments.
        noise: ``KIND:RATE``.
        out: ``.npz`` (``labels``, ``true_labels``, ``wrong``, ``seed``), ``.npy`` (labels as integers) or ``.csv``
            (one column of class names).
        seed: of the draw.

    Returns:
        ``file, kind, rate, seed, n, wrong, wrong_fraction`` (realised).

    Raises:
        UsageError: the data or the noise is wrong, or the file cannot be written.
    """
    seed = whole_number("seed", seed, least=0, most=2**32 - 1)
    if out.suffix not in (".npz", ".npy", ".csv"):
        raise UsageError(f"{setting('out', out)}: must end in .npz, .npy or .csv")
    source = load(data, **request).train
    for note in source.notes:
        say(note)
    noisy, buffer = make_noise(noise, source, seed=seed), io.BytesIO()
    if out.suffix == ".npz":
        arrays = {"labels": noisy.labels, "true_labels": source.labels, "wrong": noisy.wrong}
        np.savez_compressed(buffer, seed=seed, **arrays)  # type: ignore[arg-type]
    elif out.suffix == ".npy":
        np.save(buffer, noisy.labels, allow_pickle=False)
    else:
        buffer.write(as_csv(pd.DataFrame({"label": np.asarray(source.classes)[noisy.labels]})).encode())
    try:
        write_bytes(out, buffer.getvalue())
    except OSError as error:
        raise UsageError(f"{setting('out', out)}: {error.strerror}; choose a file you may write") from None
    return {
        "file": str(out),
        "kind": noisy.kind,
        "rate": noisy.rate,
        "seed": seed,
        "n": len(source),
        "wrong": int(noisy.wrong.sum()),
        "wrong_fraction": noisy.wrong_fraction,
    }

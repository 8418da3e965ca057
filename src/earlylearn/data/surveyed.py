"""What is known already of picture files, of which there are too many to look into each once more?"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from earlylearn.data.cache import make, places
from earlylearn.data.image_store import FORMAT, digest_of, file_stamps
from earlylearn.data.readers.images import Survey, survey
from earlylearn.data.schema import check_schema
from earlylearn.errors import UsageError
from earlylearn.files import write_json

MANY_FILES = 5_000  # of which it takes seconds to look into each


def survey_once(files: Sequence[Path], image_size: int | None, root: Path) -> Survey:
    """`earlylearn.data.readers.images.survey`, which looks into every file; of `MANY_FILES` what it found is kept.

    It belongs to the files as a store does, and lies where stores lie; where nothing can be kept, all is done anew.
    """
    if len(files) < MANY_FILES:
        return survey(files, image_size)
    names = [str(file).removeprefix(f"{root}{os.sep}") for file in files]
    digest = digest_of((f"{FORMAT} survey {version('earlylearn')} {image_size}", *file_stamps(root, names, str(root))))
    kept = [place / "pictures" / f"survey-{digest[:16]}.json" for place in places(root)]
    for path in kept:
        with suppress(OSError, ValueError, KeyError, TypeError, UsageError):
            document = json.loads(path.read_text("utf-8"))
            return Survey(check_schema(document["schema"], str(path)), tuple(map(str, document["notes"])))
    found = survey(files, image_size)
    for path in kept:
        with suppress(OSError):
            make(path.parent)
            write_json(path, {"schema": found.schema, "notes": list(found.notes)})
            break
    return found

"""How does an encoder that was fitted on the training texts travel with the run, without pickle?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from earlylearn.encoders.tfidf import Tfidf
from earlylearn.errors import UsageError
from earlylearn.files import read_json, write_bytes, write_json

ARRAYS, DOCUMENT = "tfidf.safetensors", "tfidf.json"


class FittedTexts:
    """A TF-IDF encoder for each text column.

    Args:
        encoders: by column.
    """

    def __init__(self, encoders: Mapping[str, Tfidf]) -> None:
        self.encoders = dict(encoders)

    @classmethod
    def fit(cls, texts: Mapping[str, Sequence[str]]) -> "FittedTexts":
        """Fitted on the texts of each column; UsageError if one has hardly a word in common."""
        return cls({column: Tfidf(values) for column, values in texts.items()})

    def save(self, folder: Path) -> None:
        """Write two files into a folder, which is made: the numbers, and the terms they belong to."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"{k}.{name}": a for k, e in enumerate(self.encoders.values()) for name, a in e.arrays().items()}
        write_bytes(folder / ARRAYS, save(arrays))
        write_json(folder / DOCUMENT, {column: encoder.document() for column, encoder in self.encoders.items()})

    @classmethod
    def read(cls, folder: Path) -> "FittedTexts":
        """What `save` wrote; UsageError if a file is missing or broken."""
        documents = read_json(folder / DOCUMENT)
        try:
            arrays = load_file(folder / ARRAYS)
            encoders = {}
            for k, (column, document) in enumerate(documents.items()):
                own = {name.partition(".")[2]: a for name, a in arrays.items() if name.startswith(f"{k}.")}
                encoders[column] = Tfidf.restored(own, document)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{folder / ARRAYS}: cannot be read ({reason}); restore the file or train again") from None
        return cls(encoders)

"""How do models that are not read here make features of texts: through sentence-transformers, where it is installed?"""

import hashlib
import importlib.util
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError, setting


class HubSentenceEncoder:
    """A model of sentence-transformers, by its name on the hub or its folder.

    Args:
        model: what ``SentenceTransformer`` takes.

    Raises:
        UsageError: sentence-transformers is missing, or cannot read the model.
    """

    block = 1024  # texts between two points from which an interrupted encoding goes on

    def __init__(self, model: str) -> None:
        self.name, self._wanted = model, setting("encoder", f"sentence:{model}")
        if importlib.util.find_spec("sentence_transformers") is None:
            raise UsageError(
                f"{self._wanted}: no such folder, and a model of the hub needs sentence-transformers, which is "
                "missing; run pip install 'earlylearn[hub]', or give the folder of a model"
            )

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(self.name)
        except Exception as error:  # the hub, the network and the files have kinds of their own
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise UsageError(f"{self._wanted}: cannot be read ({reason}); give another model or its folder") from None

    @cached_property
    def width(self) -> int:
        """Features of a text."""
        return int(self._model.get_sentence_embedding_dimension())

    @cached_property
    def weights(self) -> str:
        """What tells these weights from others: 16 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=8)
        for name, weight in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {tuple(weight.shape)}".encode())
            digest.update(weight.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()

    @property
    def identity(self) -> str:
        """What tells the features of this encoder from those of any other."""
        return f"{self.name.strip('/').replace('/', '-')}-{self.weights}"

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """Features ``float32 [n, width]`` of texts."""
        found = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(found, np.float32).reshape(len(texts), self.width)

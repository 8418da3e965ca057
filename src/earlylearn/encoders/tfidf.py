"""How do texts become features without a pretrained network: by the words and letters that tell them apart?"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from earlylearn.errors import UsageError

NAME = "tfidf"
WIDTH = 256  # features of a text; fewer where there are fewer texts
TERMS = 10_000  # of each kind, the most frequent
# Words and pairs of them; and three to five letters within a word, which see stems, endings and misspellings.
KINDS: tuple[dict[str, Any], ...] = ({"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (3, 5)})


class _Saved(TypedDict):
    """What of a fitted encoder is not numbers."""

    terms: list[list[str]]  # of each kind, in the order of their weights


class Tfidf:
    """Counts of words and of letters, weighted by how rare they are and reduced to the directions that vary most.

    Latent semantic analysis (Deerwester et al., 1990): tf-idf with 1 + log(count), rows of length 1 for each kind of
    term, then a truncated singular value decomposition (Halko, Martinsson and Tropp, 2011). Terms in one text alone
    are left out. It sees no labels, and is the same whatever the seed of the run.

    Args:
        texts: what it is fitted on, training rows alone.

    Raises:
        UsageError: hardly a word occurs in two texts.
    """

    name = NAME

    def __init__(self, texts: Sequence[str]) -> None:
        from scipy import sparse
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizers = [TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=TERMS, **kind) for kind in KINDS]
        try:
            counts = sparse.hstack([each.fit_transform(texts) for each in self._vectorizers]).tocsr()
        except ValueError:
            counts = sparse.csr_matrix((0, 0))
        width = min(WIDTH, min(counts.shape) - 1)
        if width < 1:
            raise UsageError(
                f"encoder {NAME}: hardly a word occurs in two of the {len(texts):,} texts; give more rows, or a "
                "sentence encoder"
            )
        # The seed is none of the run's: a random start of an iteration that ends at the same directions.
        reduction = TruncatedSVD(width, random_state=0).fit(counts)
        # Row by row in memory: safetensors writes what lies there as if it did.
        self.components: NDArray[np.float32] = np.ascontiguousarray(reduction.components_, np.float32)

    @property
    def width(self) -> int:
        """Features of a text."""
        return len(self.components)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features ``float32 [n, width]`` of texts; of an empty one, zeros."""
        from scipy import sparse

        counts = sparse.hstack([each.transform(texts) for each in self._vectorizers]).tocsr()
        return np.ascontiguousarray(counts @ self.components.T, np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The numbers of the fitted encoder: weights of the terms of each kind, and the directions."""
        weights = {f"idf_{k}": each.idf_ for k, each in enumerate(self._vectorizers)}
        return {"components": self.components, **weights}

    def document(self) -> _Saved:
        """The rest of it, which JSON can hold."""
        return {"terms": [each.get_feature_names_out().tolist() for each in self._vectorizers]}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], document: Mapping[str, Any]) -> "Tfidf":
        """The encoder that `arrays` and `document` were taken of; KeyError, TypeError or ValueError if they are not."""
        self = cls.__new__(cls)
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizers = []
        for k, (kind, terms) in enumerate(zip(KINDS, document["terms"], strict=True)):
            vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=list(terms), **kind)
            vectorizer.idf_ = arrays[f"idf_{k}"]
            self._vectorizers.append(vectorizer)
        self.components = arrays["components"]
        if self.components.shape[1] != sum(len(terms) for terms in document["terms"]):
            raise ValueError("as many terms as weights")
        return self

"""Do texts become the features scikit-learn would give, and are they the same from a run's files?"""

import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from earlylearn.encoders.fitted import ARRAYS, DOCUMENT, FittedTexts
from earlylearn.encoders.tfidf import Tfidf
from earlylearn.errors import UsageError

SUBJECTS = ["the printer", "my password", "the invoice", "a parcel"]
FAULTS = ["does not work", "was lost", "arrived too late", "is wrong again"]
TEXTS = [f"{s} {f}, please help" for s in SUBJECTS for f in FAULTS]


def test_features_keep_the_likeness_of_the_counts():
    encoder = Tfidf(TEXTS)
    found = encoder(TEXTS)
    assert found.shape == (16, encoder.width)
    assert found.dtype == np.float32
    words = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)).fit_transform(TEXTS)
    letters = TfidfVectorizer(sublinear_tf=True, min_df=2, analyzer="char_wb", ngram_range=(3, 5)).fit_transform(TEXTS)
    counts = sparse.hstack([words, letters])
    # 15 of 16 directions: what is left out is the least of them.
    np.testing.assert_allclose(found @ found.T, (counts @ counts.T).toarray(), atol=0.1)


def test_a_text_depends_on_no_other_and_an_empty_one_is_zero():
    encoder = Tfidf(TEXTS)
    np.testing.assert_allclose(encoder(TEXTS[3:4]), encoder(TEXTS)[3:4], atol=1e-6)
    np.testing.assert_array_equal(encoder(["", "日本語"]), np.zeros((2, encoder.width), np.float32))


def test_it_is_the_same_from_its_files_which_are_plain_arrays_and_json(tmp_path):
    fitted = FittedTexts.fit({"subject": TEXTS, "body": TEXTS[::-1]})
    fitted.save(tmp_path / "encoder")
    assert sorted(path.name for path in (tmp_path / "encoder").iterdir()) == sorted([ARRAYS, DOCUMENT])
    json.loads((tmp_path / "encoder" / DOCUMENT).read_text())
    again = FittedTexts.read(tmp_path / "encoder")
    new = ["the password is wrong", "nothing in common at all"]
    for column, encoder in fitted.encoders.items():
        np.testing.assert_array_equal(again.encoders[column](new), encoder(new))


@pytest.mark.parametrize("file", [ARRAYS, DOCUMENT])
def test_a_broken_file_is_one_line(tmp_path, file):
    FittedTexts.fit({"subject": TEXTS}).save(tmp_path)
    (tmp_path / file).write_bytes(b'{"subject": {"terms": [["a"], ["b"]]}}' if file == DOCUMENT else b"rubbish")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        FittedTexts.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_texts_without_a_word_in_common_are_refused():
    with pytest.raises(UsageError, match="hardly a word occurs in two of the 3 texts"):
        Tfidf(["abc", "def", "ghi"])

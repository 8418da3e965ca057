"""What are scikit-learn's 1,797 handwritten digits as a labelled data set?"""

import numpy as np

from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.images import image_schema

TEST_FRACTION = 0.2
TEST_SEED = 0  # of the split into training and test rows; the same whatever the user's seed


def read_digits() -> tuple[LabelledData, LabelledData]:
    """Training and test digits: ``uint8 [1437, 1, 8, 8]`` and ``[360, 1, 8, 8]``, classes 0 to 9.

    The labels are the true labels. Ids are ``digits-<row in load_digits>``; rows keep that order.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    rows = np.arange(len(images))
    train, test = train_test_split(rows, test_size=TEST_FRACTION, stratify=labels, random_state=TEST_SEED)
    labels = labels.astype(np.int64)
    every = LabelledData(
        name="digits",
        inputs=images,
        labels=labels,
        classes=tuple("0123456789"),
        ids=np.array([f"digits-{row}" for row in rows]),
        true_labels=labels,
        schema=image_schema("L", 8, 8),
    )
    return every.subset(np.sort(train)), every.subset(np.sort(test))

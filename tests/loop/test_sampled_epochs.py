"""Do epochs of balanced samples, crops of larger images and a data set's own validation rows do what they promise?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from earlylearn.audit.dynamics import Dynamics
from earlylearn.errors import UsageError
from earlylearn.loop.batches import Batches, Draw
from earlylearn.loop.fit import Fit
from earlylearn.loop.seen import Seen
from earlylearn.methods import METHODS
from earlylearn.runs.train import resume, train
from tests.conftest import blobs, stripes
from tests.methods.test_methods import assert_same_run

COUNTS = (50, 7, 200)


def balanced_batches(balanced=6, batch_size=9):
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    rows = torch.arange(len(labels))
    return Batches(
        rows[:, None].float(),
        [Draw(rows, labels)],
        batch_size=batch_size,
        augment="none",
        balanced=balanced,
        order=torch.Generator().manual_seed(0),
        augmentation=torch.Generator(),
    )


def test_a_sample_has_each_class_equally_often_and_each_row_once():
    batches = list(balanced_batches(balanced=4, batch_size=6).batches())
    assert [len(batch.index) for batch in batches] == [6, 6, 6, 5]  # 8 + 7 (all there are) + 8
    index = torch.cat([batch.index for batch in batches])
    assert len(index.unique()) == len(index)
    assert torch.cat([batch.label for batch in batches]).bincount().tolist() == [8, 7, 8]


def test_samples_are_drawn_anew_and_other_rows_are_left_alone():
    data = balanced_batches()
    first, second = (set(torch.cat([batch.index for batch in data.batches()]).tolist()) for _ in range(2))
    assert first != second
    rows = torch.arange(0, 257, 5)
    swept = torch.cat([batch.index for batch in data.batches(rows=rows)])
    assert sorted(swept.tolist()) == rows.tolist()


def test_dynamics_count_only_what_an_epoch_saw():
    dynamics, labels = Dynamics(3), torch.tensor([0, 1, 1])
    for row, logits in ((0, [2.0, 0.0]), (1, [0.0, 3.0])):
        seen = Seen(labels)
        seen.add(torch.tensor([row]), torch.tensor([logits]))
        seen.settle()
        dynamics.update(seen)
    columns = dynamics.columns()
    np.testing.assert_allclose(columns["margin"], [2.0, 3.0, np.nan])
    np.testing.assert_allclose(columns["loss"], [np.log1p(np.exp(-2)), np.log1p(np.exp(-3)), np.nan], rtol=1e-6)
    assert columns["first_learned"].tolist() == [1, 2, 0]
    assert columns["times_forgotten"].tolist() == [0, 0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["elr", "elr+", "co-teaching", "dividemix"])
def test_a_run_of_sampled_epochs_audits_every_row_and_resumes_exactly(method, tmp_path, monkeypatch):
    settings = {"epochs": 4, "batch_size": 8, "balanced_batches": 3, "quiet": True}
    whole = train(blobs(), method, out=tmp_path / "whole", **settings)
    issues = whole.label_issues()
    assert issues["label_quality"].notna().all()
    if method != "dividemix":  # which goes through all rows to divide them
        assert issues["margin"].isna().any()
    original = Fit.run

    def interrupted(self, on_step):
        for epoch in original(self, on_step):
            if epoch.epoch == 3:
                raise KeyboardInterrupt
            yield epoch

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(blobs(), method, out=tmp_path / "cut", **settings)
    assert_same_run(whole, resume(tmp_path / "cut", blobs(), quiet=True))


def test_a_data_sets_own_validation_rows_pick_the_epoch(tmp_path):
    own = np.arange(200, 240)
    data = replace(blobs(), val_rows=own)
    run = train(data, "ce", epochs=2, out=tmp_path / "run", quiet=True)
    issues = run.label_issues()
    assert np.flatnonzero(issues["split"] == "validation").tolist() == own.tolist()
    assert run.config.val_fraction == 0
    with pytest.raises(UsageError, match=r"val_fraction=0.2: blobs sets its own validation rows aside"):
        train(data, "ce", val_fraction=0.2, out=tmp_path / "other", quiet=True)
    assert data.subset(np.array([5, 210, 6, 239])).val_rows.tolist() == [1, 3]


def test_a_crop_trains_on_random_parts_and_predicts_from_the_centre(tmp_path):
    data = replace(stripes(), inputs=np.pad(stripes().inputs, ((0, 0), (0, 0), (2, 2), (2, 2))))
    run = train(data, "ce", crop=8, epochs=2, out=tmp_path / "run", quiet=True)
    whole, centre = (
        run.predict_proba(data.inputs),
        run.predict_proba(np.pad(stripes().inputs, ((0, 0),) * 2 + ((2, 2),) * 2)),
    )
    np.testing.assert_array_equal(whole, centre)
    border = data.inputs.copy()
    border[:, :, :2] = 255  # what the centre does not hold changes nothing
    np.testing.assert_array_equal(run.predict_proba(border), whole)


@pytest.mark.parametrize(
    ("data", "settings", "words"),
    [
        (stripes(), {"crop": 9}, "crop=9: the images are 8 x 8"),
        (stripes(), {"crop": 4}, "crop=4"),
        (blobs(), {"crop": 8}, "crop=8: blobs has features, not images"),
        (blobs(), {"balanced_batches": 0}, "balanced_batches=0"),
    ],
)
def test_bad_requests(data, settings, words, tmp_path):
    with pytest.raises(UsageError) as error:
        train(data, "ce", epochs=1, out=tmp_path / "run", quiet=True, **settings)
    assert words in str(error.value)
    assert not (tmp_path / "run").exists()


def test_inputs_identified_by_a_checksum_are_not_read_for_the_fingerprint(tmp_path):
    from earlylearn.data.fingerprint import fingerprint
    from earlylearn.data.sources import Loaded

    marked = replace(blobs(), checksum="abc")
    moved = replace(marked, inputs=marked.inputs + 1)
    assert fingerprint(Loaded(marked, None)) == fingerprint(Loaded(moved, None))
    assert fingerprint(Loaded(marked, None)) != fingerprint(Loaded(replace(marked, checksum="xyz"), None))


def test_truncation_leaves_rows_an_epoch_did_not_see_as_they_were():
    method = METHODS["gce"](lambda: torch.nn.Linear(2, 2), 4, 2, truncation=0.5)
    rows, labels = torch.arange(4), torch.zeros(4, dtype=torch.int64)
    sure, unsure = [3.0, 0.0], [0.0, 3.0]
    for seen, logits, kept in (
        ([0, 1, 2], [unsure, sure, sure], [0, 1, 1, 1]),
        ([1, 2, 3], [unsure, sure, sure], [0, 0, 1, 1]),
    ):
        said = Seen(labels)
        said.add(torch.tensor(seen), torch.tensor(logits))
        said.settle()
        method._prune(rows, said)
        assert method.weights.tolist() == kept

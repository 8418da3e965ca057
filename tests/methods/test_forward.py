"""Does forward correction take the published steps, estimate the same matrix, and refuse what is none?"""

from functools import partial

import numpy as np
import pytest
import torch

from earlylearn.errors import UsageError
from earlylearn.methods import check_options
from earlylearn.methods.forward import ForwardCorrection, anchor_rows
from earlylearn.methods.supervised import CrossEntropy
from earlylearn.runs.run import Run
from earlylearn.runs.train import train
from tests.conftest import blobs
from tests.reference.forward_literal import LiteralForward
from tests.toy import CLASSES, loss_and_gradient, stands_extremes, takes_the_same_steps

PAIR = [[0.6, 0.4, 0.0], [0.0, 0.6, 0.4], [0.4, 0.0, 0.6]]


def test_takes_the_steps_of_the_literal_loss_with_a_given_matrix():
    takes_the_same_steps(partial(ForwardCorrection, transition=PAIR), LiteralForward(CLASSES, PAIR))


@pytest.mark.parametrize("percentile", [70.0, 97.0, 100.0])
def test_estimates_the_matrix_of_the_literal_anchor_points_and_trains_on_with_it(percentile):
    literal = LiteralForward(CLASSES, warmup=2, percentile=percentile)
    method = takes_the_same_steps(partial(ForwardCorrection, warmup=2, percentile=percentile), literal, epochs=4)
    torch.testing.assert_close(method.transition, torch.tensor(literal.transition), rtol=1e-5, atol=1e-5)
    assert len(method.notes) == 2
    assert "a row per true class: [[" in method.notes[1]


def test_stands_extremes():
    stands_extremes(ForwardCorrection)
    stands_extremes(lambda *a: ForwardCorrection(*a, transition=np.roll(np.eye(a[2]), 1, axis=1)))


def test_with_the_identity_it_is_cross_entropy_even_where_probabilities_underflow():
    logits = torch.tensor([[300.0, 0.0, -300.0], [1.0, 2.0, 3.0]])
    assert loss_and_gradient(ForwardCorrection, logits, (2, 0))[0] == pytest.approx(
        loss_and_gradient(CrossEntropy, logits, (2, 0))[0]
    )


@pytest.mark.slow
def test_with_the_true_matrix_it_recovers_the_true_classes_where_cross_entropy_cannot(tmp_path):
    swap = [[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.9, 0.0, 0.1]]
    data = blobs(n=600, wrong=0)
    accuracy = {}
    for method, options in (("ce", {}), ("forward", {"transition": swap})):
        run = train(data, method, noise="pair:0.9", epochs=8, out=tmp_path / method, quiet=True, **options)
        accuracy[method] = (run.predict(data.inputs, weights="last") == data.true_labels).mean()
    assert accuracy["forward"] > 0.95
    assert accuracy["ce"] < 0.05


def test_a_matrix_from_a_file_is_kept_with_the_run(tmp_path):
    path = tmp_path / "t.csv"
    np.savetxt(path, PAIR, delimiter=",")
    run = train(blobs(), "forward", transition=str(path), epochs=1, out=tmp_path / "run", quiet=True)
    path.unlink()
    again = Run(run.folder.path)
    assert again.config.options["transition"] == PAIR
    torch.testing.assert_close(again._model("last").transition, torch.tensor(PAIR))
    np.save(tmp_path / "t.npy", PAIR)
    assert check_options("forward", {"transition": str(tmp_path / "t.npy")})["transition"] == PAIR
    assert check_options("forward", {"transition": str(PAIR)})["transition"] == PAIR


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"t.csv': no such file"),
        ("a,b\nc,d\n", "not a table of numbers"),
        ("0.5,0.5\n", "the matrix is 1 x 2; give numbers, a row per true class"),
        ("0.5,0.6\n0.5,0.5\n", "row 0 sums to 1.1"),
        ("1.5,-0.5\n0.5,0.5\n", "row 0, column 1 is -0.5"),
        ("nan,1\n0,1\n", "row 0, column 0 is nan"),
        ("1,0\n1,0\n", "column 1 is all 0"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(content, said, tmp_path):
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=said):
        check_options("forward", {"transition": str(path)})


def test_a_matrix_of_other_classes_is_refused():
    with pytest.raises(UsageError, match="transition: the matrix is 2 x 2, the data has 3 classes; give 3 x 3 numbers"):
        ForwardCorrection(lambda: torch.nn.Linear(1, 3), 4, 3, transition=[[0.5, 0.5], [0.5, 0.5]])


def test_anchor_points_of_rare_classes_are_their_most_probable_examples():
    p = torch.full((100, 3), 0.05)
    p[:, 0] = torch.linspace(0.5, 0.9, 100)
    p[7], p[8] = (
        torch.tensor([0.1, 0.7, 0.2]),
        torch.tensor([0.1, 0.6, 0.3]),
    )  # two examples of class 1, none of class 2
    p[:, 2] += torch.arange(100) * 1e-5
    rows = anchor_rows(p, 97.0).tolist()
    assert rows[0] == 97  # rank ceil(.97 * 99) of 0 .. 99, where rows 7 and 8 rank lowest
    assert rows[1] == 7
    assert rows[2] == int(p[:, 2].argmax())


def test_the_anchor_point_is_the_example_at_the_percentile_itself():
    first = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.45, 0.4, 0.3, 0.2, 0.1, 0.05])
    p = torch.stack([first, 1 - first], 1)
    # The released code takes the next one below: [[.8, .2], [.1, .9]].
    torch.testing.assert_close(p[anchor_rows(p, 97.0)], torch.tensor([[0.9, 0.1], [0.05, 0.95]]))


def test_more_classes_than_examples_in_a_batch_estimate_a_finite_matrix(run_path):
    run = train(blobs(n=60, classes=15), "forward", warmup=1, epochs=2, batch_size=4, out=run_path, quiet=True)
    t = run._model("last").transition
    assert torch.isfinite(t).all()
    torch.testing.assert_close(t.sum(1), torch.ones(15))
    assert "row per true class" not in run.metrics[0]["notes"][1]

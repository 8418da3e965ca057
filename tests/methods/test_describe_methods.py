"""Does the description of every method say truly what it costs and what it needs?"""

import json
import math

import pytest
import torch
from torch import nn

from benchmarks import methods as benchmark
from earlylearn.methods import METHODS, describe_methods, hyperparameters, measured_costs, method_class, needs

ALL = pytest.mark.parametrize("name", METHODS)


def test_every_method_has_a_measured_cost_relative_to_cross_entropy():
    document = measured_costs()
    assert document["cost"].keys() == METHODS.keys()
    assert all(cost > 0 for cost in document["cost"].values())
    assert document["cost"]["ce"] == 1
    assert "python -m benchmarks methods" in document["command"]
    assert document["hardware"]
    assert {name["name"]: name["cost"] for name in describe_methods()} == document["cost"]


@ALL
def test_needs_are_those_of_the_class(name):
    method, need = METHODS[name], needs(METHODS[name])
    built = method(nn.Identity, 7, 5)
    assert need["networks"] == len(built.nets)
    assert need["views"] == built.views
    # What it keeps of seven rows, less what it keeps of two; and the loop's loss, margin and prediction.
    bytes_of_five = sum(b.nbytes for b in built.buffers()) - sum(b.nbytes for b in method(nn.Identity, 2, 5).buffers())
    bytes_of_five += 5 * (4 + 4 + 8)
    memory = need["bytes_per_example"]
    assert bytes_of_five == 5 * (5 * memory["per_class"] + memory["beside"])


@ALL
def test_what_goes_by_the_noise_is_a_hyperparameter_that_may_be_left_out(name):
    need, fields = needs(METHODS[name]), hyperparameters(METHODS[name]).model_fields
    for text in (need["noise_rate"], need["transition_matrix"]):
        if text is not None:
            hyperparameter, said, _ = text.partition(": if not given, ")
            assert said
            assert not fields[hyperparameter].default  # None, or 0
    assert ("forget_rate" in fields) <= (need["noise_rate"] is not None)
    assert ("transition" in fields) == (need["transition_matrix"] is not None)


def test_the_needs_of_some_methods_by_hand():
    floats = {name: needs(METHODS[name])["bytes_per_example"] for name in ("ce", "elr", "sop")}
    assert floats["ce"] == {"per_class": 0, "beside": 16}  # loss, margin and prediction
    assert floats["elr"] == {"per_class": 4, "beside": 16}  # and the targets
    assert floats["sop"] == {"per_class": 4, "beside": 20}  # and v, and u
    assert [needs(method_class(name))["networks"] for name in ("elr", "elr+", "dividemix")] == [1, 2, 2]
    assert needs(METHODS["dividemix"])["views"] == 2
    json.dumps(describe_methods())


@pytest.mark.slow
def test_the_benchmark_measures_and_keeps_the_costs(tmp_path):
    before = torch.get_rng_state()
    result = benchmark.measure(1, methods=("ce", "elr", "dividemix"), examples=256)
    assert torch.equal(before, torch.get_rng_state())
    assert set(benchmark.GOALS) <= result.keys()
    assert all(math.isfinite(value) and value > 0 for value in result.values())
    benchmark.write(result | {f"{name}_to_ce": 2.0 for name in METHODS}, tmp_path / "costs.json")
    written = json.loads((tmp_path / "costs.json").read_text())
    assert written.keys() == measured_costs().keys()
    assert written["cost"] == {**dict.fromkeys(METHODS, 2.0), "ce": 1.0}
    assert written["rounds"] == 1

"""Is our BERT the published one, and are models read from a folder as from an archive, or refused in one line?"""

import json
import sys
import zipfile
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from earlylearn.encoders.bert import SentenceBert
from earlylearn.encoders.choose import text_encoder
from earlylearn.encoders.sentences import ModelFiles, SentenceEncoder, UnknownArchitecture, _batches
from earlylearn.encoders.wheels import minilm_file
from earlylearn.errors import UsageError
from tests.encoders.conftest import LONGEST, SHAPE, WIDTH, random_weights
from tests.reference import bert_literal


@pytest.mark.parametrize(("pooling", "unit"), [("mean", True), ("mean", False), ("cls", False)])
def test_sentences_are_those_of_the_literal_network_and_filling_up_changes_none(pooling, unit):
    weights = random_weights()
    network = SentenceBert(weights, SHAPE, pooling=pooling, unit=unit)
    assert (network.width, network.longest) == (WIDTH, LONGEST)
    sentences = [[2, 4, 5, 7, 3], [2, 6, 3], [2, 3]]
    tokens = torch.zeros(3, 5, dtype=torch.int64)
    mask = torch.zeros(3, 5, dtype=torch.bool)
    for row, each in enumerate(sentences):
        tokens[row, : len(each)], mask[row, : len(each)] = torch.tensor(each), True
    found = network(tokens, mask).numpy()
    how = {"layers": SHAPE.layers, "heads": SHAPE.heads, "epsilon": SHAPE.epsilon, "pooling": pooling, "unit": unit}
    literal = [bert_literal.sentence(weights, each, **how) for each in sentences]
    np.testing.assert_allclose(found, literal, rtol=1e-4, atol=1e-5)


def test_names_with_their_model_before_them_are_the_same_and_a_missing_weight_is_named():
    weights = random_weights()
    longer = {f"bert.{name}": weight for name, weight in weights.items()}
    tokens, mask = torch.tensor([[2, 5, 3]]), torch.ones(1, 3, dtype=torch.bool)
    one, two = (SentenceBert(each, SHAPE, pooling="mean", unit=True)(tokens, mask) for each in (weights, longer))
    assert torch.equal(one, two)
    del weights["encoder.layer.1.output.dense.bias"]
    with pytest.raises(UsageError, match=r"no weight 'encoder\.layer\.1\.output\.dense\.bias'"):
        SentenceBert(weights, SHAPE, pooling="mean", unit=True)


def encoder_of(path):
    encoder = SentenceEncoder("tiny", ModelFiles(path))
    encoder.dtype = torch.float32
    return encoder


def test_texts_of_all_lengths_become_the_vectors_of_their_tokens(model):
    encoder = encoder_of(model)
    assert (encoder.width, encoder.most_tokens) == (WIDTH, 8)
    texts = ["the cat sleeps far away", "", "dog", "cat " * 30, "the dog runs"]
    found = encoder(texts)
    tokens = [[2, 4, 5, 7, 9, 10, 3], [2, 3], [2, 6, 3], [2, 5, 5, 5, 5, 5, 5, 3], [2, 4, 6, 8, 3]]
    how = {"layers": SHAPE.layers, "heads": SHAPE.heads, "epsilon": SHAPE.epsilon, "pooling": "mean", "unit": True}
    literal = [bert_literal.sentence(random_weights(), each, **how) for each in tokens]
    np.testing.assert_allclose(found, literal, rtol=1e-4, atol=1e-5)
    assert encoder([]).shape == (0, WIDTH)


def test_an_archive_is_read_like_its_folder(model, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for file in model.rglob("*"):
            archive.write(file, file.relative_to(model))
    texts = ["the cat", "a dog runs"]
    np.testing.assert_array_equal(encoder_of(tmp_path / "model.zip")(texts), encoder_of(model)(texts))


def test_what_tells_an_encoder_from_others_follows_its_weights(model):
    before = encoder_of(model).identity
    assert encoder_of(model).identity == before
    save_file(random_weights(seed=1), model / "model.safetensors")
    assert encoder_of(model).identity != before


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"model_type": "mpnet"}, "is a mpnet with gelu"),
        ("config.json", {"hidden_act": "relu"}, "is a bert with relu"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
    ],
)
def test_other_architectures_are_left_to_sentence_transformers(model, file, change, words):
    document = json.loads((model / file).read_text())
    (model / file).write_text(json.dumps(document | change))
    with pytest.raises(UnknownArchitecture, match=words):
        encoder_of(model)


def test_a_broken_model_is_one_line_that_names_it(model):
    (model / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(UsageError, match="tiny: is no whole sentence encoder"):
        encoder_of(model)(["cat"])
    (model / "config.json").write_text("[]")
    with pytest.raises(UsageError, match="tiny: is no sentence encoder"):
        encoder_of(model)
    (model / "config.json").unlink()
    with pytest.raises(UsageError, match=r"tiny: has no config\.json"):
        encoder_of(model)


def test_batches_hold_rows_of_like_length_and_every_row_once():
    lengths = [5, 1, 9, 2, 2, 30, 4]
    batches = _batches(lengths, budget=12)
    assert sorted(row for batch in batches for row in batch) == list(range(7))
    assert all(len(batch) * max(lengths[row] for row in batch) <= 12 for batch in batches if len(batch) > 1)


@pytest.mark.skipif(minilm_file() is None, reason="the package with the sentence encoder is not installed")
@pytest.mark.slow
def test_the_packaged_model_knows_what_words_mean():
    pytest.importorskip("tokenizers")
    encoder = SentenceEncoder("all-MiniLM-L6-v2", ModelFiles(minilm_file()))
    cat, guitar, feline = encoder(["The cat sits outside", "A man is playing guitar", "A feline rests in the garden"])
    assert cat @ feline > 0.4 > 0.2 > cat @ guitar
    np.testing.assert_allclose([np.linalg.norm(each) for each in (cat, guitar)], 1, rtol=1e-3)


def test_models_of_the_hub_go_through_sentence_transformers_where_it_is_installed(monkeypatch):
    class Model:
        def __init__(self, name):
            if name == "no/model":
                raise OSError("no such model")

        def get_sentence_embedding_dimension(self):
            return 2

        def state_dict(self):
            return {"weight": torch.ones(2)}

        def encode(self, texts, **_):
            return np.array([[len(text), 1] for text in texts], np.float64).reshape(-1, 2)

    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = Model
    module.__spec__ = ModuleSpec("sentence_transformers", None)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    encoder = text_encoder("sentence:some/model")
    assert (encoder.width, encoder(["ab", ""]).tolist()) == (2, [[2, 1], [0, 1]])
    assert encoder.identity == f"some-model-{encoder.weights}"
    with pytest.raises(UsageError, match=r"encoder='sentence:no/model': cannot be read \(no such model\)"):
        _ = text_encoder("sentence:no/model").width

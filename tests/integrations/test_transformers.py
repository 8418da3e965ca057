"""Does a Hugging Face script learn with another class name alone: accumulation, evaluation, resuming, tokens?"""

import math

import numpy as np
import pytest
import torch

from earlylearn.errors import UsageError

transformers = pytest.importorskip("transformers", exc_type=ImportError)
datasets = pytest.importorskip("datasets")

from earlylearn.integrations.transformers import TABLE, ELRTrainer  # noqa: E402  # it needs transformers

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the libraries' own
N, C, LENGTH, WORDS = 96, 3, 8, 40


def text(seed=0, wrong=0.3):
    """Sentences of ten words of their class and any others; some labels are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, C, N)
    given = np.where(rng.random(N) < wrong, (true + rng.integers(1, C, N)) % C, true)
    own = true[:, None] * 10 + rng.integers(2, 12, (N, LENGTH))
    words = np.where(rng.random((N, LENGTH)) < 0.9, own, rng.integers(2, WORDS, (N, LENGTH)))
    return words, given, true


def data():
    words, given, _ = text()
    return datasets.Dataset.from_dict({"input_ids": words.tolist(), "label": given.tolist(), "text": ["a"] * N})


def config():
    return transformers.BertConfig(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=LENGTH, num_labels=C, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


def trainer(folder, kind=ELRTrainer, batch=32, accumulate=1, epochs=2, train=None, model=None, lam=None, **settings):
    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        str(folder), per_device_train_batch_size=batch, gradient_accumulation_steps=accumulate, num_train_epochs=epochs,
        learning_rate=5e-3, logging_strategy="epoch", save_strategy="epoch", report_to=[], use_cpu=True,
        disable_tqdm=True, dataloader_pin_memory=False, seed=1, **settings,
    )  # fmt: skip
    own = {} if lam is None else {"lam": lam}
    return kind(
        model or transformers.BertForSequenceClassification(config()),
        arguments,
        train_dataset=data() if train is None else train,
        eval_dataset=data(),
        **own,
    )


def logged(done):
    return [(entry["loss"], entry["grad_norm"]) for entry in done.state.log_history if "loss" in entry]


def test_one_class_name_finds_the_wrong_labels(tmp_path):
    done = trainer(tmp_path, batch=8, epochs=12)
    done.train()
    issues = done.label_issues()
    _, given, true = text()
    assert list(issues["given_label"]) == [f"LABEL_{c}" for c in given]
    flagged, wrong = issues["is_label_issue"].to_numpy(), given != true
    assert (flagged & wrong).sum() / flagged.sum() > 0.8
    assert (flagged & wrong).sum() / wrong.sum() > 0.6
    np.testing.assert_allclose(done.criterion.targets.sum(1), 1 - 0.7**12, rtol=1e-5)
    entry = next(entry for entry in done.state.log_history if "loss" in entry)
    assert entry["elr"] < 0 < entry["ce"]


def test_without_regularizer_it_is_the_trainer(tmp_path):
    ours, theirs = trainer(tmp_path / "a", lam=0.0), trainer(tmp_path / "b", kind=transformers.Trainer)
    ours.train()
    theirs.train()
    np.testing.assert_allclose(logged(ours), logged(theirs), rtol=1e-4)


def test_accumulated_steps_are_one_batch(tmp_path):
    """Each micro-batch's loss divided once: not at all before, so four times too large."""
    whole, parts = trainer(tmp_path / "a", batch=32), trainer(tmp_path / "b", batch=8, accumulate=4)
    whole.train()
    parts.train()
    np.testing.assert_allclose(logged(whole), logged(parts), rtol=1e-4)
    torch.testing.assert_close(whole.criterion.targets, parts.criterion.targets, rtol=0, atol=1e-5)


def test_evaluation_is_the_trainers_and_leaves_the_table_bit_equal(tmp_path):
    ours = trainer(tmp_path / "a")
    ours.train()
    before = ours.criterion.targets.clone()
    loss = ours.evaluate()["eval_loss"]
    assert torch.equal(ours.criterion.targets, before)
    theirs = trainer(tmp_path / "b", kind=transformers.Trainer, model=ours.model)
    assert loss == pytest.approx(theirs.evaluate()["eval_loss"])
    assert ours.predict(data()).predictions.shape == (N, C)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole = trainer(tmp_path / "a", epochs=3)
    whole.train()
    half = trainer(tmp_path / "a", epochs=3)
    half.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))
    assert torch.equal(whole.criterion.targets, half.criterion.targets)
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), half.model.parameters(), strict=True))
    (tmp_path / "a" / "checkpoint-3" / TABLE).unlink()
    with pytest.raises(UsageError, match=f"{TABLE} is missing"):
        trainer(tmp_path / "a", epochs=3).train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))


def test_a_new_model_has_new_targets(tmp_path):
    """As every trial of a hyperparameter search has one."""

    def begins_anew(model, args, **kwargs):
        return ELRTrainer(None, args, model_init=lambda: transformers.BertForSequenceClassification(config()), **kwargs)

    done = trainer(tmp_path, kind=begins_anew, epochs=1)
    for _ in range(2):
        done.train()
        np.testing.assert_allclose(done.criterion.targets.sum(1), 0.3, rtol=1e-5)


def test_classes_are_called_as_the_data_set_calls_them(tmp_path):
    words, given, _ = text()
    names = datasets.Features(
        {"input_ids": datasets.Sequence(datasets.Value("int64")), "label": datasets.ClassLabel(names=["a", "b", "c"])}
    )
    train = datasets.Dataset.from_dict({"input_ids": words.tolist(), "label": given.tolist()}, features=names)
    done = trainer(tmp_path, train=train, epochs=1)
    done.train()
    assert done.label_issues()["given_label"].tolist() == ["abc"[k] for k in given]
    done.model.config.id2label = {0: "x", 1: "y", 2: "z"}
    assert done.label_issues()["given_label"].tolist() == ["xyz"[k] for k in given]


@pytest.mark.parametrize(
    "settings", [{"bf16": True}, {"remove_unused_columns": False}, {"label_smoothing_factor": 0.1}]
)
def test_settings_of_the_trainer(tmp_path, settings):
    train = data().remove_columns("text") if "remove_unused_columns" in settings else data()
    done = trainer(tmp_path, train=train, **settings)
    done.train()
    assert all(math.isfinite(loss) for loss, _ in logged(done))
    assert done.criterion.targets.dtype == torch.float32
    np.testing.assert_allclose(done.criterion.targets.sum(1), 1 - 0.7**2, rtol=1e-5)


class Torch(torch.utils.data.Dataset):
    """A data set of one's own, whose items are dicts."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        words, given, _ = text()
        return {"input_ids": torch.from_numpy(words[index]), "labels": int(given[index])}


def test_a_data_set_and_a_model_of_ones_own(tmp_path):
    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.EmbeddingBag(WORDS, C)

        def forward(self, input_ids, labels=None):
            return {"logits": self.words(input_ids)}

    with pytest.raises(UsageError, match="give ELRTrainer num_classes"):
        trainer(tmp_path, model=Bag(), train=Torch())

    def with_classes(*args, **kwargs):
        return ELRTrainer(*args, num_classes=C, **kwargs)

    done = trainer(tmp_path, kind=with_classes, model=Bag(), train=Torch(), epochs=1)
    done.train()
    assert list(done.label_issues(classes=["a", "b", "c"], ids=[f"s{i}" for i in range(N)])["id"][:2]) == ["s0", "s1"]


def test_tokens(tmp_path):
    words, given, _ = text()
    labels = [[-100, *([int(label)] * (3 + i % 4)), -100] for i, label in enumerate(given)]
    inputs = [list(map(int, row[: len(each)])) for row, each in zip(words, labels, strict=True)]
    train = datasets.Dataset.from_dict({"input_ids": inputs, "labels": labels})
    words_only = pytest.importorskip("tokenizers").models.WordLevel({"[PAD]": 0})
    backend = pytest.importorskip("tokenizers").Tokenizer(words_only)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]")

    def by_token(*args, **kwargs):
        collate = transformers.DataCollatorForTokenClassification(tokenizer)
        return ELRTrainer(*args, rows_per_example=LENGTH, data_collator=collate, **kwargs)

    done = trainer(tmp_path, kind=by_token, train=train, model=transformers.BertForTokenClassification(config()))
    done.train()
    issues = done.label_issues()
    assert len(issues) == sum(3 + i % 4 for i in range(N))
    assert list(issues["index"][:4]) == [0, 0, 0, 1]
    assert list(issues["position"][:4]) == [1, 2, 3, 1]
    assert issues["label_quality"].notna().all()
    mass = done.criterion.targets.sum(1).view(N, LENGTH)
    torch.testing.assert_close(mass > 0, torch.tensor([[0 < p <= 3 + i % 4 for p in range(LENGTH)] for i in range(N)]))


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(UsageError, match="two losses"):
        trainer(tmp_path, kind=lambda *a, **k: ELRTrainer(*a, compute_loss_func=print, **k))
    several = config()
    several.problem_type = "multi_label_classification"
    with pytest.raises(UsageError, match="problem_type is multi_label_classification; ELRTrainer learns one label"):
        trainer(tmp_path, model=transformers.BertForSequenceClassification(several))
    with pytest.raises(UsageError, match="RowIds"):
        trainer(tmp_path, train=data().to_iterable_dataset(), max_steps=3)

    def drops(features):
        return {
            "input_ids": torch.tensor([f["input_ids"] for f in features]),
            "labels": torch.zeros(len(features)).long(),
        }

    with pytest.raises(UsageError, match="data collator must keep it"):
        trainer(tmp_path, kind=lambda *a, **k: ELRTrainer(*a, data_collator=drops, **k)).train()
    evaluates = trainer(tmp_path, kind=lambda *a, **k: ELRTrainer(*a, **{**k, "train_dataset": None}))
    assert "eval_loss" in evaluates.evaluate()

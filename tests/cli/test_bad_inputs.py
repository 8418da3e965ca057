"""Does every bad request get exit status 2 and one line with culprit and mend, and leave the disk as it was?"""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from earlylearn.cli.main import main
from earlylearn.loop.fit import Fit
from earlylearn.runs import train as training
from earlylearn.runs.run import Run
from tests.faces import speaks_python


def ask(*argv):
    """How a command ends."""
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in argv])
    return done.value


def snapshot(folder):
    """Every name below a folder, with what its file holds."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Good data of every kind, a finished run of each, and an interrupted run: what the bad requests are made from."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    with (folder / "flowers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["width", "height", "colour", "key", "kind"])
        for row in range(40):
            kind = ("rose", "lily")[row % 2]
            writer.writerow([row % 2 + rng.normal(), rng.normal(), ("red", "white")[row % 3 % 2], f"f{row}", kind])
    np.savez(folder / "points.npz", x=rng.normal(size=(40, 3)).astype("f4"), y=np.arange(40) % 2)
    for row in range(12):
        path = folder / "photos" / ("cat", "dog")[row % 2] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    (folder / "file").write_text("just a file")
    (folder / "notes").mkdir()
    (folder / "notes" / "todo.txt").write_text("mine")
    table = {"label": "kind", "id_column": "key"}
    options = {"network": "linear", "epochs": 2, "quiet": True}
    training.train("digits", limit=60, out=folder / "run", **options)
    training.train(str(folder / "flowers.csv"), out=folder / "table-run", **table, **options)
    whole = Fit.run

    def interrupted(self, on_step):
        yield next(whole(self, on_step))
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(Fit, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            training.train("points.npz", out="begun", **options)
    return folder


@pytest.fixture
def here(world, tmp_path, monkeypatch):
    """A copy of the world to spoil, as the working directory."""
    folder = tmp_path / "here"
    shutil.copytree(world, folder)
    config = folder / "begun" / "config.json"
    config.write_text(config.read_text().replace(str(world), str(folder)))
    monkeypatch.chdir(folder)
    return folder


# What is spoilt before the request.


def text(name, content):
    def spoil(here):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def arrays(name, **content):
    return lambda here: np.savez(here / name, **content)


def gone(name):
    def spoil(here):
        path = here / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def moved(name, to):
    def spoil(here):
        (here / to).parent.mkdir()
        shutil.move(here / name, here / to)

    return spoil


def cut(name):
    def spoil(here):
        raw = (here / name).read_bytes()
        (here / name).write_bytes(raw[: len(raw) // 2])

    return spoil


def config(name, **changes):
    def spoil(here):
        path = here / name / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return spoil


def replaced(name, by):
    return lambda here: shutil.copyfile(here / by, here / name)


def table(**cells):
    """flowers.csv with some cells of row 7 replaced."""

    def spoil(here):
        with (here / "flowers.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        rows[7].update(cells)
        with (here / "flowers.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    return spoil


X, Y = np.zeros((10, 3), "f4"), np.arange(10) % 2
TRAIN = "train digits --limit 60"
COMPARE = "compare digits --limit 60 --network linear --epochs 1 --quiet"
SWEEP = "sweep digits --limit 60 --network linear --epochs 1 --quiet"
FLOWERS = "train flowers.csv --label kind"
LAST, PICKED = "checkpoint/last.safetensors", "checkpoint/picked.safetensors"

# The request; the words its one line must have, after | each; what is spoilt before.
CASES = [
    # the shape of the request
    ("nonesuch", "nonesuch|--help"),
    ("train", "DATA|earlylearn train digits"),
    ("train digits more", "more|--help"),
    ("train digits --nonesuch 1", "--nonesuch|earlylearn train --help"),
    ("train digits --epochs", "--epochs|argument|earlylearn train --help"),
    ("predict run", "DATA|--help"),
    ("issues", "RUN|--help"),
    ("demo digits", "digits|--help"),
    ("methods elr", "elr|--help"),
    ("recipes cifar10-elr", "cifar10-elr|--help"),
    ("doctor --fix", "--fix|--help"),
    ("doctor me", "me|--help"),
    # settings of a run
    (f"{TRAIN} --epochs 0", "--epochs 0|greater than or equal to 1"),
    (f"{TRAIN} --epochs ten", "--epochs ten|integer"),
    (f"{TRAIN} --epochs 1.5", "--epochs 1.5|integer"),
    (f"{TRAIN} --batch-size 1", "--batch-size 1|greater than or equal to 2"),
    (f"{TRAIN} --lr -1", "--lr -1|greater than 0"),
    (f"{TRAIN} --lr 0", "--lr 0|greater than 0"),
    (f"{TRAIN} --lr fast", "--lr fast|number"),
    (f"{TRAIN} --lr nan", "--lr nan|"),
    (f"{TRAIN} --lr inf", "--lr inf|finite"),
    (f"{TRAIN} --momentum 1", "--momentum 1|less than 1"),
    (f"{TRAIN} --momentum nan", "--momentum nan|"),
    (f"{TRAIN} --weight-decay -0.1", "--weight-decay -0.1|greater than or equal to 0"),
    (f"{TRAIN} --weight-decay inf", "--weight-decay inf|finite"),
    (f"{TRAIN} --schedule foo", "--schedule foo|constant"),
    (f"{TRAIN} --schedule multistep:40", "--schedule multistep:40|multistep:40,80:0.01"),
    (f"{TRAIN} --schedule multistep:9,5:0.1", "--schedule multistep:9,5:0.1|multistep:40,80:0.01"),
    (f"{TRAIN} --schedule multistep:5:nan", "--schedule multistep:5:nan|multistep:40,80:0.01"),
    (f"{TRAIN} --schedule multistep:5:inf", "--schedule multistep:5:inf|multistep:40,80:0.01"),
    (f"{TRAIN} --schedule cosine:0:0.001", "--schedule cosine:0:0.001|cosine:10:0.001"),
    (f"{TRAIN} --schedule cosine:9:inf", "--schedule cosine:9:inf|cosine:10:0.001"),
    (f"{TRAIN} --augment rotate", "--augment rotate|crop+flip"),
    ("train points.npz --augment crop", "--augment crop|none"),
    (f"{TRAIN} --val-fraction 1", "--val-fraction 1|less than 1"),
    (f"{TRAIN} --val-fraction nan", "--val-fraction nan|"),
    (f"{TRAIN} --val-fraction 0.001", "--val-fraction 0.001|60|raise it"),
    (f"{TRAIN} --test-every -1", "--test-every -1|greater than or equal to 0"),
    (f"{TRAIN} --seed -1", "--seed -1|greater than or equal to 0"),
    (f"{TRAIN} --seed {2**40}", f"--seed {2**40}|less than {2**32}"),
    (f"{TRAIN} --seed lucky", "--seed lucky|integer"),
    (f"{TRAIN} --network nonesuch", "nonesuch|small-cnn"),
    (f"{TRAIN} --network mlp:0", "mlp:0|mlp:256-256"),
    ("train points.npz --network resnet34", "resnet34|3 columns|mlp or linear"),
    (f"{TRAIN} --precision 64", "--precision 64|32-true"),
    (f"{TRAIN} --accelerator nonesuch", "--accelerator nonesuch|cpu"),
    (f"{TRAIN} --devices 2 --method dividemix", "--devices 2|one process|elr"),
    (f"{TRAIN} --devices 0", "--devices 0|greater than or equal to 1"),
    (f"{TRAIN} --num-nodes 2", "--num-nodes 2|torchrun"),
    (f"{TRAIN} --recipe nonesuch", "--recipe nonesuch|cifar10-elr"),
    (f"{TRAIN} --as-released", "--as-released|elr|--method elr+"),
    # many runs
    ("compare", "DATA|earlylearn compare digits"),
    ("sweep", "DATA|earlylearn sweep digits"),
    (f"{COMPARE} --methods ce,nonesuch", "nonesuch|elr+"),
    (f"{COMPARE} --methods ce,,elr", "--methods|empty|ce,elr"),
    (f"{COMPARE} --methods ce,elr,ce", "--methods ce|twice"),
    (f"{COMPARE} --methods elr:lam", "--methods elr:lam: lam|NAME=VALUE"),
    (f"{COMPARE} --methods elr:lam=x", "--methods elr:lam=x: lam=x|number"),
    (f"{COMPARE} --methods ce:lam=3", "--methods ce:lam=3|lam|no such"),
    (f"{COMPARE} --seeds 0", "--seeds 0|1 or more"),
    (f"{COMPARE} --seeds few", "--seeds few|1 or more"),
    (f"{COMPARE} --seed -1", "--seed -1|greater than or equal to 0"),
    (f"{COMPARE} --workers 0", "--workers 0|from 1 to"),
    (f"{COMPARE} --workers 999", "--workers 999|from 1 to"),
    (f"{COMPARE} --epochs 0", "--epochs 0|greater than or equal to 1"),
    (f"{COMPARE} --schedule foo", "--schedule foo|constant"),
    (f"{COMPARE} --out file", "--out file|is a file"),
    (f"{COMPARE} --out notes", "--out notes|todo.txt|another folder"),
    (f"{COMPARE} --out run", "--out run|another folder"),
    (f"{COMPARE} --storage nonesuch", "--storage nonesuch|sqlite:///study.db"),
    (f"{COMPARE} --storage sqlite:///s.db --overwrite", "--overwrite|--storage"),
    (f"{COMPARE} --as-released", "--as-released|ce"),
    (f"{COMPARE} -o lam=3", "-o|earlylearn compare --help"),
    (f"{COMPARE} --storage sqlite:///:memory:", "nowhere|sqlite:///study.db"),
    ("compare points.npz --val-fraction 0 --network linear --epochs 1", "--val-fraction 0|test set"),
    (f"{SWEEP} --grid lam=1,3 -o lam=2", "--grid lam|-o lam"),
    (f"{SWEEP} --grid lam", "--grid lam|NAME=VALUE,VALUE"),
    (f"{SWEEP} --grid lam=1,,3", "--grid lam=1,,3|NAME=VALUE,VALUE"),
    (f"{SWEEP} --grid lam=1,1", "--grid|twice"),
    (f"{SWEEP} --grid lam=1,x", "--grid lam=x|number"),
    (f"{SWEEP} --grid mu=1", "--grid mu|lam"),
    (f"{SWEEP} --method ce", "--grid|ce|none"),
    (f"{SWEEP} --score test_last", "--score test_last|val_last or val_best"),
    (f"{SWEEP} --sample 0", "--sample 0|1 or more"),
    (f"{SWEEP} --val-fraction 0", "--val-fraction 0|leave it out"),
    # methods and hyperparameters
    (f"{TRAIN} --method nonesuch", "--method nonesuch|elr+"),
    (f"{TRAIN} -o lam", "-o lam|NAME=VALUE"),
    (f"{TRAIN} -o =3", "-o =3|NAME=VALUE"),
    (f"{TRAIN} -o lam=abc", "-o lam=abc|number"),
    (f"{TRAIN} -o lam=", "-o lam=|number"),
    (f"{TRAIN} -o lam=-1", "-o lam=-1|greater than or equal to 0"),
    (f"{TRAIN} -o lam=NaN", "-o lam=nan|"),
    (f"{TRAIN} -o lam=Infinity", "-o lam=inf|finite"),
    (f"{TRAIN} -o lam=null", "-o lam=|number"),
    (f"{TRAIN} -o beta=1", "-o beta=1|less than 1"),
    (f"{TRAIN} -o nonesuch=1", "-o nonesuch|lam, beta"),
    (f"{TRAIN} --method ce -o lam=1", "-o lam|ce|none"),
    (f"{TRAIN} --method elr+ -o networks=3", "-o networks=3|1 or 2"),
    (f"{TRAIN} --method elr+ -o gamma=1", "-o gamma=1|less than 1"),
    (f"{TRAIN} --method elr+ -o update_labels=maybe", "-o update_labels=maybe|boolean"),
    # noise
    (f"{TRAIN} --noise symmetric", "symmetric|symmetric:0.4"),
    (f"{TRAIN} --noise symmetric:1.5", "--noise symmetric:1.5|0..1"),
    (f"{TRAIN} --noise symmetric:nan", "symmetric:nan|0..1"),
    (f"{TRAIN} --noise symmetric:much", "much|symmetric:0.4"),
    (f"{TRAIN} --noise nonesuch:0.4", "nonesuch|symmetric:RATE"),
    (f"{TRAIN} --noise cifar10-asymmetric:0.4", "cifar10-asymmetric|10|pair:RATE"),
    (f"{TRAIN} --noise matrix:no.csv", "matrix:no.csv|no such file|10 x 10 numbers"),
    (f"{TRAIN} --noise matrix:m.csv", "--noise matrix:|m.csv|2 x 2|10 x 10", text("m.csv", "1,0\n0,1\n")),
    ("train points.npz --noise matrix:m.csv", "row 1 sums to 0.9|1", text("m.csv", "1,0\n0,.9\n")),
    (f"{TRAIN} --noise pair:0.4 --labels l.txt", "--noise|--labels|one of the two", text("l.txt", "1\n" * 60)),
    # label files
    (f"{TRAIN} --labels no.npy", "--labels no.npy|no such file|FILE"),
    (f"{TRAIN} --labels l.txt", "--labels l.txt|59 labels|60|one label per row", text("l.txt", "1\n" * 59)),
    (f"{TRAIN} --true-labels l.txt", "--true-labels l.txt|row 0|'12'|correct", text("l.txt", "12\n" * 60)),
    (f"{TRAIN} --labels points.npz", "--labels points.npz|x, y|:KEY"),
    (f"{TRAIN} --labels points.npz:z", "--labels points.npz:z|'z'|x, y"),
    (f"{TRAIN} --labels file", "--labels file|.npy"),
    (f"{TRAIN} --labels l.csv", "--labels l.csv|row 3|no label|fill", text("l.csv", "1\n1\n1\n\n" + "1\n" * 56)),
    # which data
    ("train digitz", "digitz|did you mean 'digits'"),
    ("train --label kind ''", "''|existing path"),
    ("train file", "file|without a suffix|.csv"),
    ("train photos/cat/0.png", "photos/cat/0.png|one image|folder"),
    ("train cifar10", "cifar10|--data-dir|cs.toronto.edu"),
    ("train cifar100 --data-dir notes", "--data-dir notes|cifar-100-python|cs.toronto.edu"),
    ("train fashion-mnist --data-dir notes", "notes|--data-dir"),
    ("train digits --limit 1", "--limit 1|greater than or equal to 2"),
    ("train digits --limit few", "--limit few|integer"),
    ("train digits --label kind", "--label kind|digits|leave it out"),
    ("train digits --test-fraction 0.2", "--test-fraction 0.2|test set of its own|leave it out"),
    ("train digits --image-size 16", "--image-size 16|leave it out"),
    ("train photos --image-size 0", "--image-size 0|greater than or equal to 1"),
    ("train points.npz --test-fraction 1", "--test-fraction 1|less than 1"),
    ("train points.npz --test-fraction nan", "--test-fraction nan|"),
    ("train points.npz --test points.npz --test-fraction 0.2", "--test-fraction 0.2|--test|leave one out"),
    ("train points.npz --test photos", "--test photos|same kind"),
    # folders of images
    ("train empty", "empty|no sub-folder|class", lambda here: (here / "empty").mkdir()),
    ("train photos/cat", "photos/cat|6 images but no sub-folder|class"),
    ("train photos", "photos|only one class (cat)|at least two", gone("photos/dog")),
    ("train up", "up: only one class (photos)|cat, dog|give up/photos", moved("photos", "up/photos")),
    ("train photo", "'photo': no such file or folder|did you mean 'photos'"),
    (r"train C:\mine\of", r"'C:\mine\of'|write / in place"),
    ("train photos", "photos/owl|no images|remove", lambda here: (here / "photos/owl").mkdir()),
    ("train photos", "photos/cat/x.jpg|replace it", text("photos/cat/x.jpg", b"not an image")),
    ("train photos", "photos/dog/1.png|replace it", cut("photos/dog/1.png")),
    ("train photos --test animals", "'owl'|cat, dog|rename", text("animals/owl/1.png", b"")),
    # tables
    ("train flowers.csv", "flowers.csv|--label|width, height, colour, key, kind"),
    ("train flowers.csv --label Knd", "--label Knd|did you mean 'kind'? it has"),
    ("train t.csv --label y --image x", r"'p\a.png'|write / in place", text("t.csv", "x,y\np\\a.png,a\np\\b.png,b\n")),
    ("train flowers.csv --label sort", "--label sort|width, height, colour, key, kind"),
    ("train flowers.csv --label kind --id-column sort", "--id-column sort|width, height, colour, key, kind"),
    ("train flowers.csv --label kind --image sort", "--image sort|width, height, colour, key, kind"),
    (f"{FLOWERS} --id-column key --strict", "1 of 40 rows have no 'kind'|row 7|--strict", table(kind="")),
    (f"{FLOWERS} --id-column key", "flowers.csv, column 'width'|row 7|no value|--missing impute", table(width="")),
    (f"{FLOWERS} --id-column key", "flowers.csv, column 'width'|row 7|'wide'|correct", table(width="wide")),
    (f"{FLOWERS} --id-column key", "flowers.csv, column 'width'|row 7|inf|correct", table(width="inf")),
    (f"{FLOWERS} --id-column key", "flowers.csv, column 'key'|rows 0 and 7|'f0'|unique", table(key="f0")),
    (f"{FLOWERS} --id-column key --missing guess", "--missing guess|'impute'"),
    (f"{FLOWERS} --image key", "column 'key'|row 0|'f0'|correct it"),
    (FLOWERS, "column 'key'|40 different texts|--id-column"),
    ("train flowers.csv --label colour --drop key --id-column kind", "rows 0 and 2|'rose'|unique"),
    ("train flowers.csv --label key", "column 'key'|looks like an id|--label COLUMN"),
    (f"{FLOWERS} --true-label key", "--true-label key|'f0'|'kind'|'rose'"),
    ("train t.csv --label y", "only one class (a)|label column", text("t.csv", "x,y\n1,a\n2,a\n")),
    ("train t.csv --label y", "t.csv|no rows|one row per example", text("t.csv", "x,y\n")),
    ("train t.csv --label y", "t.csv|header", text("t.csv", "")),
    ("train t.csv --label y", "t.csv|UTF-8", text("t.csv", b"\xff\xfe\x00x,y")),
    ("train t.csv --label y", "no feature column|add", text("t.csv", "y\na\nb\n")),
    ("train t.parquet --label y", "t.parquet|readable Parquet", text("t.parquet", "rubbish")),
    (
        f"{FLOWERS} --id-column key --test t.csv",
        "t.csv|'height'|add it",
        text("t.csv", "width,colour,key,kind\n1,red,a,rose\n"),
    ),
    # arrays
    ("train a.npz", "a.npz|'y'|save it with", arrays("a.npz", x=X)),
    ("train a.npz", "a.npz|9 labels for 10 rows|one label per row", arrays("a.npz", x=X, y=Y[:9])),
    (
        "train a.npz",
        "a.npz|row 3|0.5|whole number",
        arrays("a.npz", x=X, y=np.where(Y == 1, 0.5, 0)[[0, 0, 0, 1] * 3][:10]),
    ),
    ("train a.npz", "a.npz|row 1|no label", arrays("a.npz", x=X, y=np.where(Y == 1, np.nan, 0))),
    ("train a.npz", "a.npz|row 0, feature 0|--missing impute", arrays("a.npz", x=X * np.nan, y=Y)),
    ("train a.npz", "a.npz|pickled|plain", arrays("a.npz", x=X, y=np.array([{}] * 10, dtype=object))),
    ("train a.npz", "a.npz|shape [10]|one row per example", arrays("a.npz", x=X[:, 0], y=Y)),
    ("train a.npz", "a.npz|only one class", arrays("a.npz", x=X, y=Y * 0)),
    ("train a.npz", "a.npz|no numpy file|save it again", text("a.npz", b"rubbish")),
    ("train points.npz", "points.npz|save it again", cut("points.npz")),
    # the run folder
    (f"{TRAIN} --out file", "--out file|is a file|name a folder"),
    (f"{TRAIN} --out file/run", "--out file/run|"),
    (f"{TRAIN} --out {'x' * 300}", "File name too long|choose a folder"),
    (f"{TRAIN} --out notes", "--out notes|not empty|another folder"),
    (f"{TRAIN} --out notes --overwrite", "--out notes|not empty|another folder"),
    (f"{TRAIN} --out run", "--out run|--resume run|--overwrite"),
    (f"{TRAIN} --out begun", "--out begun|--resume begun|--overwrite"),
    (f"{TRAIN} --out run --overwrite", "--out run|thesis.txt|move", text("run/thesis.txt", "mine")),
    (f"{TRAIN} --out run --overwrite", "--out run|.env|move", text("run/.env", "mine")),
    (f"{TRAIN} --out run --overwrite", "checkpoint/model.pt|move", text("run/checkpoint/model.pt", "weights")),
    (f"{TRAIN} --out p --overwrite", "--out p|not a run|config.json is another's", text("p/config.json", '{"my": 1}')),
    (f"{TRAIN} --out p --overwrite", "--out p|not a run|config.json is another's", text("p/config.json", "[]")),
    (f"{TRAIN} --out p --overwrite", "--out p|not a run|it holds summary.json", text("p/summary.json", "{}")),
    (f"{COMPARE} --out p --overwrite", "--out p|not a comparison|report.html", text("p/report.html", "mine")),
    (f"{SWEEP} --out p", "--out p|not a sweep|sweep.csv", text("p/sweep.csv", "mine")),
    (f"{COMPARE} --out p", "p/runs/ce-0|not a run|report.html", text("p/runs/ce-0/report.html", "mine")),
    ("theory --out p --overwrite", "--out p|not a check of the theory|claims.csv", text("p/claims.csv", "mine")),
    ("train digits --out run --overwrite --epochs 0", "--epochs 0|"),
    # continuing
    ("train --resume nowhere", "nowhere|no such run folder|--out"),
    ("train --resume notes", "notes|not a run folder|--out"),
    ("train --resume file", "file|not a run folder|--out"),
    ("train --resume begun digits", "--resume|no other option"),
    ("train --resume begun --lr 9", "--resume|no other option"),
    ("train --resume begun --overwrite", "--resume|no other option"),
    ("train --resume begun -o lam=1", "--resume|no other option"),
    ("train --resume begun", "begun/config.json|JSON|restore", cut("begun/config.json")),
    ("train --resume begun", "begun/config.json|not the configuration|restore", text("begun/config.json", "[]")),
    ("train --resume begun", "begun/config.json|not the configuration|restore", text("begun/config.json", "{}")),
    ("train --resume begun", "begun/config.json|--epochs 0", config("begun", epochs=0)),
    ("train --resume begun", "begun/config.json|method|nonesuch", config("begun", method="nonesuch")),
    ("train --resume begun", "begun/config.json|not the configuration|restore", config("begun", inputs=None)),
    ("train --resume begun", f"begun/{LAST}|restore|--overwrite", cut(f"begun/{LAST}")),
    ("train --resume begun", f"begun/{LAST}|restore|--overwrite", text(f"begun/{LAST}", b"rubbish" * 99)),
    ("train --resume begun", f"begun/{LAST}|restore|--overwrite", text(f"begun/{LAST}", b"")),
    ("train --resume begun", f"begun/{LAST}|restore", replaced(f"begun/{LAST}", f"run/{LAST}")),
    ("train --resume begun", "begun/labels.npz|--overwrite", cut("begun/labels.npz")),
    ("train --resume begun", "begun/labels.npz|--overwrite", replaced("begun/labels.npz", "points.npz")),
    ("train --resume begun", "begun/metrics.jsonl|--overwrite", text("begun/metrics.jsonl", b"\xff\n")),
    ("train --resume begun", "begun/metrics.jsonl|0 lines|restore", gone("begun/metrics.jsonl")),
    ("train --resume begun", "points.npz|changed|restore", arrays("points.npz", x=X, y=Y)),
    ("train --resume begun", "begun: its data|points.npz|no such file|config.json", gone("points.npz")),
    # predicting
    ("predict nowhere digits", "nowhere|no such run folder|--out"),
    ("predict runn digits", "runn|did you mean 'run'"),
    ("predict photos digits", "photos|not a run folder|earlylearn train"),
    ("predict run nowhere", "'nowhere'|no such file|existing path"),
    ("predict run points.npz", "points.npz|images|"),
    ("predict run flowers.csv", "flowers.csv|images"),
    ("predict table-run digits", "digits|same kind"),
    ("predict table-run flowers.csv", "flowers.csv, column 'width'|row 7|no value", table(width="")),
    ("predict table-run t.csv", "t.csv|'width'|add it", text("t.csv", "height,colour,key\n1,red,f0\n")),
    ("predict begun a.npz", "a.npz|[4]|[3]|same features", arrays("a.npz", x=np.zeros((5, 4), "f4"))),
    ("predict begun a.npz", "a.npz|'x'", arrays("a.npz", y=Y)),
    ("predict run photos", "photos/cat/0.png|replace it", cut("photos/cat/0.png")),
    ("predict run digits --weights foo", "--weights foo|picked or last"),
    ("predict run digits", f"run/{PICKED}|no such checkpoint|restore|--resume", gone(f"run/{PICKED}")),
    ("predict run digits", f"run/{PICKED}|restore", cut(f"run/{PICKED}")),
    ("predict run digits", f"run/{PICKED}|config.json|nets.|restore", config("run", network="mlp")),
    ("predict run digits", "run/config.json|restore", config("run", inputs={"n": 60})),
    ("predict run digits --out file", "--out file|--overwrite"),
    ("predict run digits --out notes", "--out notes|is a folder|name a file"),
    ("predict run digits --out no/p.csv", "--out no/p.csv|does not exist|make it"),
    ("predict run digits --out file/p.csv", "--out file/p.csv|"),
    ("predict run digits --out /dev/full --overwrite", "--out /dev/full|No space left|choose"),
    ("predict table-run flowers.csv --out flowers.csv --overwrite", "--out flowers.csv|is the data|another file"),
    ("predict run photos --out photos/cat/0.png --overwrite", "--out photos/cat/0.png|is the data|another file"),
    (
        "predict run digits --out run/label_issues.csv --overwrite",
        "--out run/label_issues.csv|is part of the run|another file",
    ),
    ("predict run digits --out p.parquet", "--out p.parquet|as CSV|.csv"),
    (
        "predict table-run t.csv",
        "t.csv|'width'|call 'Width ' so",
        text("t.csv", "Width ,height,colour,key\n1,1,red,f0\n"),
    ),
    # listing issues
    ("issues run --out run/label_issues.csv --overwrite", "--out run/label_issues.csv|is part of the run"),
    ("issues run --out i.xlsx", "--out i.xlsx|as CSV|.csv"),
    ("issues notes", "notes|not a run folder"),
    ("issues begun", "begun/label_issues.csv|--resume begun"),
    ("issues run --top -1", "--top -1|0 or more"),
    ("issues run --top many", "--top many|0 or more"),
    ("issues run --out file", "--out file|--overwrite"),
    ("issues run", "run/label_issues.csv|'id'|restore", text("run/label_issues.csv", "rubbish")),
    ("issues run", "run/label_issues.csv|utf-8|--overwrite", text("run/label_issues.csv", b"\xff\x00")),
    # writing noise
    ("noise points.npz --noise pair:0.4 --out points.npz --overwrite", "--out points.npz|is the data"),
    ("noise digits --noise pair:0.4", "--out FILE|noise digits --noise pair:0.4 --out labels.npz"),
    ("noise digits --out l.npz", "--noise KIND:RATE|earlylearn noise lists"),
    ("noise --noise pair:0.4 --out l.npz", "DATA|earlylearn noise digits"),
    ("noise digits --noise pair:2 --out l.npz", "pair:2|0..1"),
    ("noise digits --noise pair:0.4 --out l.txt", "--out l.txt|.npz"),
    ("noise digits --noise pair:0.4 --out file", "--out file|--overwrite"),
    ("noise digits --noise pair:0.4 --out no/l.npz", "--out no/l.npz|does not exist"),
    ("noise digits --noise pair:0.4 --out l.npz --seed -1", "--seed -1|0 to 4294967295"),
    ("noise digits --noise pair:0.4 --out l.npz --seed ²", "--seed ²|0 to 4294967295"),
    ("noise flowers.csv --noise pair:0.4 --out l.npz", "flowers.csv|--label"),
    # the demo
    ("demo --out file", "--out file|name a folder"),
    ("demo --out notes", "--out notes|not empty|another folder"),
    ("demo --out notes --overwrite", "--out notes|not empty|another folder"),
    ("demo --out run", "--out run|not a demo|another folder"),
    ("demo --out d", "--out d|--overwrite", text("d/demo.json", '{"ce": {}, "elr": {}}')),
    ("demo --out d --overwrite", "--out d|not a demo|demo.json is another's", text("d/demo.json", "{}")),
    ("demo --out d --overwrite", "--out d|not a demo|report.html", text("d/report.html", "mine")),
    ("demo --out d", "--out d|--overwrite", text("d/ce/config.json", "{}")),
    ("demo --seed -1", "--seed -1|greater than or equal to 0"),
]


def _ids():
    seen = {}
    for request, words, *_ in CASES:
        seen[request] = seen.get(request, 0) + 1
        yield request if seen[request] == 1 else f"{request} ({words.split('|')[0]}, {seen[request]})"


@pytest.mark.parametrize("case", CASES, ids=_ids())
@pytest.mark.slow
def test_a_bad_request_gets_one_line_and_changes_nothing(case, here, capsys):
    request, words, *spoil = case
    for change in spoil:
        change(here)
    before = snapshot(here)
    ended = ask(*("" if word == "''" else word for word in request.split()))
    out, err = capsys.readouterr()
    assert (ended.code, out) == (2, ""), err
    assert err.startswith("earlylearn: ")
    assert err.count("\n") == 1, err
    assert err.endswith("\n")
    assert "Traceback" not in err
    missing = [word for word in words.split("|") if word not in err]
    assert not missing, err
    assert snapshot(here) == before
    speaks_python(ended, err.removeprefix("earlylearn: ").strip())


@pytest.mark.slow
@pytest.mark.parametrize(
    "request_",
    [
        "train points.npz --out begun",
        "train points.npz --out begun --overwrite --schedule foo",
        "train points.npz --out begun --overwrite --network nonesuch",
        "train --resume begun --lr 9",
        "issues begun",
        "demo --out begun --overwrite",
        "noise points.npz --noise pair:2 --out begun/labels.npz --overwrite",
    ],
)
def test_an_interrupted_run_survives_a_bad_request_and_continues(request_, here, capsys):
    before = snapshot(here)
    assert ask(*request_.split()).code == 2
    assert snapshot(here) == before
    assert ask("train", "--resume", "begun", "--quiet").code == 0
    assert [record["epoch"] for record in Run("begun").metrics] == [1, 2]


@pytest.mark.parametrize(
    ("request_", "call"),
    [
        ("train digits --limit 60 --out new/run", "os.mkdir"),
        ("predict run digits --out p.csv", "pandas.DataFrame.to_csv"),
        ("noise digits --noise pair:0.4 --out l.npz", "earlylearn.data.noise_file.write_bytes"),
        ("noise digits --noise pair:0.4 --out l.npy", "earlylearn.data.noise_file.write_bytes"),
    ],
)
def test_a_place_without_permission_is_named(request_, call, here, capsys, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(13, "Permission denied")

    before = snapshot(here)
    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        status = ask(*request_.split()).code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"--out {request_.split()[-1]}: Permission denied; choose" in err
    assert snapshot(here) == before

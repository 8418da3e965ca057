"""Several annotators: how good is the consensus, are bad ones found, and do soft labels train better than one label?

Takes features with one real answer and the true label of each row (an .npz with x, y, true, x_test, y_test). From how
the real answers go wrong it draws further ones: people of different skill, each asked of a part of the rows. Then a
linear head trains with ELR on the majority, the consensus, and soft labels; test accuracy is against the truth.

Run:
    python -m benchmarks.annotators labelme_crowd.npz --seeds 3
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import earlylearn

SKILLS = (0.3, 0.6, 0.8, 0.8, 1.0, 1.0)  # how much of the real answers' rightness each person has; the first guesses
ASKED = 0.4  # of the rows, of each


def crowd(y: NDArray[np.int64], true: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Answers ``int64 [n, people]``, -1 where none; they err as the real ones do, by class."""
    classes = int(max(y.max(), true.max())) + 1
    confusion = np.full((classes, classes), 0.1)
    np.add.at(confusion, (true, y), 1)
    confusion /= confusion.sum(1, keepdims=True)
    answers = np.full((len(y), len(SKILLS)), -1)
    for who, skill in enumerate(SKILLS):
        rates = skill * confusion + (1 - skill) / classes
        said = np.array([generator.choice(classes, p=rates[k]) for k in true])
        answers[:, who] = np.where(generator.random(len(y)) < ASKED, said, -1)
    nobody = (answers < 0).all(1)
    answers[nobody, generator.integers(1, len(SKILLS), int(nobody.sum()))] = y[nobody]
    return answers


def head(x: Any, labels: Any, test: tuple[Any, Any], seed: int) -> float:
    """Test accuracy of a linear head that trains with ELRLoss; labels are integers or soft."""
    torch.manual_seed(seed)
    mean, std = x.mean(0), x.std(0) + 1e-3
    x, x_test = (torch.from_numpy((each - mean) / std).float() for each in (x, test[0]))
    labels = torch.tensor(np.asarray(labels))
    classes = int(test[1].max()) + 1
    network = torch.nn.Linear(x.shape[1], classes)
    criterion = earlylearn.ELRLoss(num_examples=len(x), num_classes=classes, lam=3.0, beta=0.7)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    for _ in range(60):
        for index in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            criterion(network(x[index]), labels[index], index).backward()
            optimizer.step()
    return float((network(x_test).argmax(1).numpy() == test[1]).mean())


def measured(file: Path, seed: int) -> dict[str, Any]:
    """One crowd, one run, and what came of it."""
    with np.load(file) as found:
        x, y, true, x_test, y_test = (found[name] for name in ("x", "y", "true", "x_test", "y_test"))
    answers = crowd(y, true, np.random.default_rng(seed))
    names = [f"person{who}" for who in range(answers.shape[1])]
    with tempfile.TemporaryDirectory() as folder:
        data, long = Path(folder) / "data.npz", Path(folder) / "answers.csv"
        np.savez(data, x=x, y=true)  # the majority takes the place of these labels
        rows, people = np.nonzero(answers >= 0)
        labels = answers[rows, people]
        lines = {"id": rows, "annotator": np.array(names)[people], "label": labels}
        pd.DataFrame(lines).to_csv(long, index=False)
        run = earlylearn.train(data, annotators=str(long), out=Path(folder) / "run", seed=seed, quiet=True)
        consensus = pd.read_csv(run.folder.consensus)
        quality = pd.read_csv(run.folder.annotators)
        soft = np.load(run.folder.soft_labels)
        majority = run.folder.read_labels()["given"]
    again = consensus.sort_values("ask_again")["consensus_label"].to_numpy() != true[consensus["ask_again"].argsort()]
    share = {who: float((answers[:, k] == true)[answers[:, k] >= 0].mean()) for k, who in enumerate(names)}
    votes = np.stack([(answers == k).sum(1) for k in range(soft.shape[1])], 1).astype(np.float32)
    test = (x_test, y_test)
    return {
        "majority_right": float((majority == true).mean()),
        "consensus_right": float((consensus["consensus_label"].to_numpy() == true).mean()),
        "worst_found": str(quality["annotator"].iloc[0]) == names[0],
        "quality_error": float(
            np.mean(
                [abs(q - share[who]) for who, q in zip(*quality[["annotator", "quality"]].T.to_numpy(), strict=True)]
            )
        ),
        "wrong_among_first_100_to_ask": float(again[:100].mean()),
        "wrong": float(again.mean()),
        "test_majority": head(x, majority, test, seed),
        "test_consensus": head(x, consensus["consensus_label"].to_numpy(), test, seed),
        "test_votes": head(x, votes / votes.sum(1, keepdims=True), test, seed),
        "test_soft_consensus": head(x, soft, test, seed),
    }


def main() -> None:
    """Measure each seed and the means."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotators")
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    results = [measured(asked.data, seed) for seed in range(asked.seeds)]
    for result in results:
        print(json.dumps({name: round(float(value), 4) for name, value in result.items()}))
    print("means", json.dumps({name: round(float(np.mean([r[name] for r in results])), 4) for name in results[0]}))


if __name__ == "__main__":
    main()

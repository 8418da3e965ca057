"""What does a child process do that is to be killed while it trains?"""

from pathlib import Path

import torch

from earlylearn import compare
from earlylearn.runs.train import train

SETTINGS = {"limit": 200, "noise": "pair:0.3", "epochs": 8, "quiet": True}


def train_digits(method: str, out: Path):
    torch.set_num_threads(1)
    return train("digits", method, out=out, **SETTINGS)


def compare_digits(out: Path, workers: int, epochs: int = 8):
    torch.set_num_threads(1)
    return compare("digits", ["ce", "elr"], seeds=2, workers=workers, out=out, **{**SETTINGS, "epochs": epochs})

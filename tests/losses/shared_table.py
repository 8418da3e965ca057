"""What do processes that share a table come to?

A program for torchrun: digits, DistributedDataParallel, ELRLoss. Run:
    torchrun --standalone --nproc-per-node 2 -m tests.losses.shared_table FOLDER
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

import earlylearn as el

EPOCHS, BATCH, LR, N, C = 5, 32, 0.1, 1797, 10


def digits() -> tuple[Tensor, Tensor]:
    """Inputs and labels, 40 % of which are replaced at random; an odd number of them."""
    x, y = load_digits(return_X_y=True)
    generator = torch.Generator().manual_seed(0)
    labels = torch.from_numpy(y).long()
    drawn = torch.randint(C, labels.shape, generator=generator)
    return torch.from_numpy(x).float() / 16, torch.where(torch.rand(len(x), generator=generator) < 0.4, drawn, labels)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, C))


class WithLoss(nn.Module):
    """A network and its loss as one module, as Lightning wraps them."""

    def __init__(self, net: nn.Module, criterion: el.ELRLoss) -> None:
        super().__init__()
        self.net, self.criterion = net, criterion

    def forward(self, inputs: Tensor, labels: Tensor, index: Tensor) -> Tensor:
        loss: Tensor = self.criterion(self.net(inputs), labels, index)
        return loss


def train(criterion: el.ELRLoss, inside: bool, steps: list[Tensor]) -> Tensor:
    """Table after some epochs; the criterion is part of what DDP wraps, or not; notes what it was after each step."""
    digits_of = torch.arange(N * C, dtype=torch.float64).view(N, C).sin()
    data = el.IndexedDataset(TensorDataset(*digits()))
    net = network()
    wrapped = DistributedDataParallel(WithLoss(net, criterion) if inside else net)
    sampler: DistributedSampler[object] = DistributedSampler(data, seed=1)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        for inputs, labels, index in DataLoader(data, batch_size=BATCH, sampler=sampler):
            optimizer.zero_grad()
            loss = wrapped(inputs, labels, index) if inside else criterion(wrapped(inputs), labels, index)
            loss.backward()
            optimizer.step()
            steps.append((digits_of * criterion.targets).sum())
    return criterion.targets


def small_steps(rank: int) -> Tensor:
    """Steps that are unlike: fewer rows on one side, one that is not finite, a second pass, one on both sides."""
    criterion = el.ELRLoss(9, 3, repeats=True)
    generator = torch.Generator().manual_seed(rank)
    labels = torch.arange(9) % 3

    def step(index: list[int], bad: bool = False, update: bool = True) -> None:
        rows = torch.tensor(index)
        logits = torch.randn(len(rows), 3, generator=generator)
        if bad:
            logits[0] = torch.nan
        criterion(logits.requires_grad_(), labels[rows], rows, update=update).backward()

    step([0, 1, 2, 3] if rank == 0 else [4, 5, 6, 7])
    step([8] if rank == 0 else [0, 2, 4])  # fewer rows on one side
    step([1, 3], bad=rank == 0)
    step([1, 3], update=False)  # not one after the other, not together
    step([5, 6] if rank == 0 else [6, 7])  # 6 on both sides: the first process's counts
    return criterion.targets


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    outside, inside = el.ELRLoss(N, C), el.ELRLoss(N, C)
    if rank:  # the first process's table counts, as its weights do
        outside.targets.fill_(0.5)
    steps: list[Tensor] = []
    results = {
        "outside": train(outside, inside=False, steps=steps),
        "inside": train(inside, inside=True, steps=steps),
        "steps": torch.stack(steps),
        "small": small_steps(rank),
        "mine": (alone := el.ELRLoss(4, 3, sync=False)).targets,
    }
    alone(torch.full((1, 3), float(rank), requires_grad=True), torch.tensor([0]), torch.tensor([rank]))
    torch.save({name: table.clone() for name, table in results.items()}, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

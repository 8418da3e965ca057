"""Where does the table of targets lie, so that half precision, other processes and other data cannot harm it?"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from earlylearn import machine
from earlylearn.errors import UsageError
from earlylearn.losses.targets import target_beliefs


class TargetTable(nn.Module):
    """A module that keeps ``targets``: float32 whatever its owner is cast to, in the state dict, of any length.

    The table is no buffer. DistributedDataParallel sends the first process's buffers to all others before every step,
    which would undo what they averaged, and ``.half()`` casts buffers. It is in the state dict all the same, moves
    with ``.to(device)``, and a checkpoint with another number of rows loads.

    Args:
        rows: of the table.
        classes: C, its columns.
    """

    def __init__(self, rows: int, classes: int) -> None:
        super().__init__()
        self._rows = rows
        # One row more than there are examples. What must not be kept is written there, which costs no branch.
        self._table = _zeros(rows + 1, classes)

    @property
    def targets(self) -> Tensor:
        """``float32 [n, C]`` running averages of the model's probabilities; changes made in it are changes of it."""
        self._settle()
        return self._table[: self._rows]

    @property
    def _spare(self) -> int:
        return len(self._table) - 1

    def beliefs(self) -> Tensor:
        """Targets as probabilities ``[n, C]`` for `find_label_issues`; NaN rows were never seen."""
        return target_beliefs(self.targets)

    def resize_(self, rows: int) -> None:
        """Have room for more (or fewer) rows: new ones have seen nothing, those beyond ``rows`` are forgotten.

        Growing by a few rows at a time is cheap: room is made for twice as many at once.
        """
        if rows < 1:
            raise UsageError(f"resize_({rows}): a table needs at least one row")
        self._settle()
        if rows > self._spare:
            room = max(rows, min(2 * self._spare, rows + 100_000))
            table = _zeros(room + 1, self._table.shape[1], self._table.device)
            table[: self._rows] = self._table[: self._rows]
            self._table = table
        self._table[min(rows, self._rows) : max(rows, self._rows)] = 0
        self._rows = rows

    def _settle(self) -> None:
        """Finish what is still to be written; for who writes later than at once."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "TargetTable":
        """Follow to another device, keep float32."""
        others: Callable[..., nn.Module] = super()._apply  # torch leaves it untyped
        others(fn, recurse)
        self._settle()
        moved = fn(self._table)
        self._table = moved if moved.dtype == torch.float32 else self._table.to(moved.device)
        return self

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}targets"] = self.targets

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        key = f"{prefix}targets"
        loaded = state_dict.get(key)
        others = {name: value for name, value in state_dict.items() if name != key}
        super()._load_from_state_dict(others, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        if loaded is None:
            if strict:
                missing_keys.append(key)
        elif loaded.ndim != 2 or loaded.shape[1] != self._table.shape[1]:
            error_msgs.append(
                f"size mismatch for {key}: the checkpoint's table is {list(loaded.shape)}, "
                f"this one has {self._table.shape[1]} classes"
            )
        else:
            self._load(loaded)

    def _load(self, loaded: Tensor) -> None:
        if len(loaded) > self._rows:
            warnings.warn(
                f"the checkpoint's table of targets has {len(loaded)} rows, this one had {self._rows}: "
                f"all are kept; resize_({self._rows}) drops the last",
                stacklevel=2,
            )
            self.resize_(len(loaded))
        elif len(loaded) < self._rows:
            warnings.warn(
                f"the checkpoint's table of targets has {len(loaded)} rows, this one {self._rows}: "
                "the others have seen nothing yet",
                stacklevel=2,
            )
        targets = self.targets
        targets.zero_()
        targets[: len(loaded)] = loaded


def _zeros(rows: int, classes: int, device: torch.device | None = None) -> Tensor:
    there, needed = machine.main_memory(), 4 * rows * classes
    if there is not None and needed > there:
        raise UsageError(
            f"a table of targets for {rows - 1} examples and {classes} classes takes {needed / 1e9:,.1f} GB, "
            f"this machine has {there / 1e9:,.1f} GB; train on fewer rows, or merge classes"
        )
    return torch.zeros(rows, classes, dtype=torch.float32, device=device)

"""How many bytes will a run take, are they there, and which setting would make it fit if not?"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from earlylearn.audit.calibration import BLOCK
from earlylearn.audit.dynamics import Dynamics
from earlylearn.data.labelled import LabelledData
from earlylearn.errors import UsageError, hyperparameter, setting
from earlylearn.loop.batches import as_tensor, evaluation_size
from earlylearn.loop.method import Method
from earlylearn.loop.seen import Seen
from earlylearn.machine import available_memory, free_disk, give_back_unused, used_memory
from earlylearn.networks.cost import Cost, known_cost
from earlylearn.runs.config import RunConfig

# Measured on Linux (docs/LOG.md): what libraries take that a run loads on its way; the matrices of a batch's logits
# that are there at once in a step, in evaluation and in the audit; what the audit and its list keep of a row.
LIBRARIES = 130e6
LIBRARIES_UNMAPPED = 45e6  # of these, what is not the libraries' files, mapped as mapped data are
LOGITS_OF_STEP, LOGITS_OF_EVALUATION, NUMBERS_OF_AUDIT = 8, 4, 9
WIDEST = 12  # times the numbers of a picture: what a network's widest layers have (small-cnn: 32 channels of 3)
AUDIT_ROW = 112
LINE = 160  # bytes of a row in label_issues.csv, about
FILES = 3  # of a checkpoint's size: the last, the picked, and one that is being written


@dataclass(frozen=True)
class Needs:
    """Bytes that a run takes at its most, by what for.

    Attributes:
        held: what the process has already: program, libraries, the data as read unless they are mapped from the disk.
        rows: tables with a row per example: targets, dynamics, what an epoch sees, the audit.
        network: weights, gradients, momentum, weight averages.
        libraries: what a run loads on its way.
        step: activations and logits of the largest batch.
        checkpoint: on disk, of one.
        list: on disk, of the label issues.
    """

    held: float
    libraries: float
    rows: float
    network: float
    step: float
    checkpoint: float
    list: float

    @property
    def memory(self) -> float:
        """Bytes of the whole process at its most."""
        return self.held + self.libraries + self.rows + self.network + self.step

    @property
    def disk(self) -> float:
        """Bytes of the run folder at its most."""
        return FILES * self.checkpoint + self.list

    def told(self) -> str:
        """In one line, without what there is."""
        parts = {"program and data": self.held + self.libraries, "rows": self.rows}
        parts |= {"network": self.network, "a step": self.step}
        return f"{told_bytes(self.memory)} ({', '.join(f'{name} {told_bytes(part)}' for name, part in parts.items())})"


def needs_of(config: RunConfig, data: LabelledData) -> Needs | None:
    """What a run will take, before anything of it is there; None of a method that chooses its own network as it goes.

    Counted of the method on PyTorch's meta device, which has shapes and no numbers.
    """
    if config.method_class().network:
        return None
    n, classes = len(data), len(data.classes)
    shape = tuple(data.inputs.shape[1:]) if config.crop is None else (data.inputs.shape[1], config.crop, config.crop)
    try:
        cost = known_cost(config.network, shape=shape, classes=classes)
    except Exception:  # a network of others' that cannot be counted
        return None
    with torch.device("meta"):
        method = _method(config, cost, n, classes)
        seen = Seen(torch.empty(n, dtype=torch.int64), None if data.true_labels is None else torch.empty(n)).nbytes
        dynamics = sum(buffer.nbytes for buffer in Dynamics(n).buffers())
    tables = sum(buffer.nbytes for buffer in method.buffers())
    trained, averages = (
        sum(each.nbytes for each in method.parameters() if each.requires_grad == yes) for yes in (True, False)
    )
    number = 2 if config.precision == "bf16-mixed" else 4
    at_once = min(n, evaluation_size(as_tensor(data.inputs[:1]), classes))
    step = config.batch_size * method.views * (cost.activations * number + 4 * LOGITS_OF_STEP * classes)
    evaluation = at_once * (
        min(cost.activations, WIDEST * data.inputs[0].size) * number + 4 * LOGITS_OF_EVALUATION * classes
    )
    audit = min(BLOCK, n * classes) * 8 * NUMBERS_OF_AUDIT
    mapped = isinstance(data.inputs, np.memmap)
    give_back_unused()  # what reading left and training takes anew is not counted twice
    return Needs(
        held=used_memory(mapped=not mapped) or data.inputs.nbytes,
        libraries=LIBRARIES_UNMAPPED if mapped else LIBRARIES,
        rows=tables + seen + dynamics + n * AUDIT_ROW,
        network=3 * trained + averages,
        step=max(step, evaluation, audit),
        checkpoint=tables + dynamics + 2 * trained + averages,
        list=n * LINE,
    )


def _method(config: RunConfig, cost: Cost, n: int, classes: int) -> Method:
    def network() -> nn.Module:
        return nn.ParameterList([torch.empty(cost.weights)])

    return config.method_class()(network, n, classes, **config.options)


def check_memory(config: RunConfig, data: LabelledData, out: Path) -> str:
    """What a run will take and what there is, in a line; empty where that cannot be said.

    Raises:
        UsageError: there is less; it names the setting that would fit.
    """
    needs, there, disk = needs_of(config, data), available_memory(), free_disk(out)
    if needs is None or there is None:
        return ""
    room = (there + needs.held) / config.devices  # every process has program, data and tables of its own
    each = f" in each of {config.devices} processes" if config.devices > 1 else ""
    if needs.memory > room:
        raise UsageError(
            f"{_culprit(config, needs)}: the run takes {needs.told()}{each}, this machine has {told_bytes(room)} "
            f"available{' for each' if each else ''}; {mend(config, data, needs, room)}"
        )
    if needs.disk > disk:
        raise UsageError(
            f"{setting('out', out)}: the run takes {told_bytes(needs.disk)} of disk, a checkpoint "
            f"{told_bytes(needs.checkpoint)}; {told_bytes(disk)} are free there: name a folder on a larger disk"
        )
    return (
        f"memory {needs.told()}{each} of {told_bytes(room)}; disk {told_bytes(needs.disk)} "
        f"(a checkpoint {told_bytes(needs.checkpoint)}) of {told_bytes(disk)}"
    )


def _culprit(config: RunConfig, needs: Needs) -> str:
    """The setting that most of the memory goes to."""
    by = {"method": needs.rows, "network": needs.network, "batch_size": needs.step}
    name = max(by, key=lambda each: by[each])
    return setting(name, getattr(config, name))


def mend(config: RunConfig, data: LabelledData, needs: Needs, room: float) -> str:
    """The change that makes a run fit that does not, or as near to it as there is."""
    if config.options.get("table") in ("auto", "dense"):
        short = needs_of(config.model_copy(update={"options": {**config.options, "table": "top16"}}), data)
        if short is not None and short.memory <= room:
            return f"use {hyperparameter('table', 'top16')}, which takes {told_bytes(short.memory)}"
    if replace(needs, step=0).memory < room and config.batch_size > 2:
        share = (room - replace(needs, step=0).memory) / needs.step
        smaller = max(2, int(config.batch_size * share))
        if smaller < config.batch_size and needs.step > BLOCK * 8 * NUMBERS_OF_AUDIT:
            return f"use {setting('batch_size', smaller)}"
    if needs.network > needs.rows:
        return f"choose a smaller {setting('network')}"
    rows = int(len(data) * max(0.0, room - replace(needs, rows=0).memory) / max(needs.rows, 1))
    if rows:
        return f"train on {rows:,} rows at most ({setting('limit', rows)} where the data are a built-in set)"
    return "use a machine with more memory"


def told_bytes(number: float) -> str:
    """Bytes as people read them: three digits, in GB, MB or KB."""
    unit, name = next(((size, name) for size, name in ((1e9, "GB"), (1e6, "MB")) if number >= 0.1 * size), (1e3, "KB"))
    return f"{number / unit:.3g} {name}"

"""How do a request and its data become noisy labels, a split, a method, batches and a loop, all from one seed?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from earlylearn.data.builtin.sets import BUILTIN
from earlylearn.data.labelled import LabelledData
from earlylearn.data.noise.kinds import NoisyLabels, make_noise
from earlylearn.data.splits import others, stratified_split
from earlylearn.encoders.wheels import weights_file
from earlylearn.errors import UsageError, setting
from earlylearn.loop.batches import Batches, Draw, as_tensor
from earlylearn.loop.fit import Fit
from earlylearn.loop.method import Method
from earlylearn.loop.processes import Processes, answered
from earlylearn.loop.replay import recorder_for
from earlylearn.losses.targets import are_probabilities
from earlylearn.networks import Architecture, build_network
from earlylearn.plugins import cause
from earlylearn.runs.class_weights import class_weights
from earlylearn.runs.config import RunConfig, axes_of
from earlylearn.runs.generators import Generators, seed_for
from earlylearn.runs.progress import unannounced
from earlylearn.runs.together import Seat, SharedSteps

DEAD = 1e-3  # standard deviation below which a feature of a pretrained network is not blown up to the others' size
MOMENT_BYTES = 2**30  # of images, from which the mean and standard deviation are counted
IMAGES_AT_ONCE = 2**24  # bytes of images of which levels are counted at a time
FEATURES_AT_ONCE = 2**20  # numbers looked at at a time
BEGINNING_PIXELS = 2**21  # of images, from which a network's first layer is made (whitening: a patch of each)


@dataclass(frozen=True)
class LabelDraw:
    """One draw of given labels and split.

    Attributes:
        labels: ``int64 [n]`` given labels.
        train_rows: ``int64``, rows that train.
        val_rows: ``int64``, rows held out, under given labels too.
        noise: what was injected, or None if the labels are the data's own.
    """

    labels: NDArray[np.int64]
    train_rows: NDArray[np.int64]
    val_rows: NDArray[np.int64]
    noise: NoisyLabels | None


def draw_labels(config: RunConfig, data: LabelledData) -> list[LabelDraw]:
    """The noise and split of a run: one draw, shared by all networks, made from the seed alone.

    Under ``as_released`` each of ELR+'s two networks gets a draw of its own, as the released code had it: an
    image may then be right for one and wrong for the other, and the first's held-out images train the second.
    Published ELR+ figures were made that way; expect lower ones without it.

    Raises:
        UsageError: noise is asked for on labels that cannot count as true, or ``as_released`` for a method that
            does not train two networks.
    """
    draws = 1
    if config.as_released:
        if not config.method_class().draw_per_network or config.options.get("networks") != 2:
            raise UsageError(
                f"{setting('as_released', True)}: was released for elr+ with two networks, not for method "
                f"{config.method} as asked; use {setting('method', 'elr+')}, or leave it out"
            )
        draws = 2
    asked = setting("noise", config.noise)
    if config.noise and config.data in BUILTIN and BUILTIN[config.data].noisy:
        raise UsageError(f"{asked}: labels of {config.data} are wrong already, so none may count as true; leave it out")
    if config.noise and config.labels:
        raise UsageError(
            f"{asked} with {setting('labels')}: injected noise needs labels that count as true; give one of the two"
        )
    if config.noise and config.corrections:
        raise UsageError(
            f"{asked} with {setting('corrections')}: corrected labels are of other noise; give one of the two, "
            "or write the noisy labels to a file first and give that as labels"
        )
    if config.noise and data.true_labels is not None and (data.labels != data.true_labels).any():
        raise UsageError(f"{asked}: some labels are wrong already, so none may count as true; leave it out")
    result = []
    for draw in range(draws):
        suffix = str(draw) if draw else ""
        noise = make_noise(config.noise, data, seed=seed_for(config.seed, "noise" + suffix)) if config.noise else None
        labels = data.labels if noise is None else noise.labels
        if data.val_rows is not None:
            result.append(LabelDraw(labels, others(len(data), data.val_rows), data.val_rows, noise))
            continue
        generator = np.random.default_rng(seed_for(config.seed, "split" + suffix))
        result.append(LabelDraw(labels, *stratified_split(labels, config.val_fraction, generator), noise))
    return result


def under_draw(data: LabelledData, draw: LabelDraw) -> LabelledData:
    """The data under the labels of a draw; where noise was injected, the labels that it replaced are the true ones."""
    return data.with_labels(draw.labels, data.true_labels if draw.noise is None else data.labels)


def label_arrays(draws: Sequence[LabelDraw], data: LabelledData) -> dict[str, NDArray[Any]]:
    """What ``labels.npz`` keeps of the noise and the split of these data; a second draw's names end in ``_1``."""
    arrays: dict[str, NDArray[Any]] = {}
    for k, draw in enumerate(draws):
        kept: dict[str, NDArray[Any]] = {"given": draw.labels, "train_rows": draw.train_rows, "val_rows": draw.val_rows}
        if draw.noise is not None:
            kept |= {"wrong": draw.noise.wrong, "noise_seed": np.array(draw.noise.seed)}
        arrays |= {f"{name}_{k}" if k else name: array for name, array in kept.items()}
    true = under_draw(data, draws[0]).true_labels
    return arrays if true is None else {**arrays, "true": true}


def make_fabric(config: RunConfig, seat: Seat | None = None) -> Fabric:
    """The device, precision and callbacks of a run, and its processes, which come together here.

    Args:
        config: the resolved request.
        seat: this process's place among those that were started here; None where a launcher tells.

    Raises:
        UsageError: the accelerator is unknown or not there, or has fewer devices.
        ProcessLost: another process did not come.
    """
    device = {"accelerator": config.accelerator, "devices": config.devices, "precision": config.precision}
    shared: dict[str, Any] = {}
    if config.processes > 1:
        shared = {"num_nodes": config.num_nodes, "strategy": SharedSteps(seat)}
    try:
        with unannounced():
            fabric = Fabric(callbacks=config.own.callbacks, **shared, **device)  # type: ignore[arg-type]
    except Exception as error:  # Fabric has several kinds for an accelerator that is unknown or not there
        reason = " ".join(str(error).split()).rstrip(".")
        if config.processes > 1:
            raise UsageError(f"{setting('devices', config.devices)}: {reason}") from None
        raise UsageError(f"{setting('accelerator', config.accelerator)}: {reason}; use auto or cpu") from None
    if config.processes > 1:
        with answered():
            fabric.launch()
    return fabric


def build_method(config: RunConfig, data: LabelledData, rows: NDArray[np.int64], generators: Generators) -> Method:
    """The method with freshly initialised networks; weights come from torch's global generator, seeded here.

    Call it inside ``torch.random.fork_rng``, so that the caller's generator stays as it was.
    """
    torch.default_generator.manual_seed(seed_for(config.seed, "initialisation"))
    mean, std = input_moments(data, rows)
    images, architecture, pretrained = None, config.architecture(), weights_file(config.pretrained)
    if architecture.begin is not None:
        wanted = -(-BEGINNING_PIXELS // math.prod(data.inputs.shape[2:]))
        images = as_tensor(data.inputs[rows[:: -(-len(rows) // wanted)]])

    def network() -> nn.Module:
        return build_network(
            config.network,
            shape=data.inputs.shape[1:],
            classes=len(data.classes),
            mean=mean,
            std=std,
            crop=config.crop,
            pretrained=pretrained,
            images=images,
            known=architecture,
            axes=axes_of(data.schema, data.inputs.shape[1:]),
            raw=config.raw_inputs,
        )

    kind = config.method_class()
    method = kind(network, len(data), len(data.classes), **config.options, generator=generators.method)
    if architecture.own:
        _check_network(config, method, architecture, data)
    if config.class_weights is not None:
        method.class_weights = class_weights(config.class_weights, data, rows)
    return method


def _check_network(config: RunConfig, method: Method, architecture: Architecture, data: LabelledData) -> None:
    """Raise UsageError unless a user's own network takes the inputs and gives a logit per class."""
    asked = setting("network", config.network)
    if architecture.own == "module" and len(method.nets) > 1:
        raise UsageError(
            f"{asked}: method {config.method} trains {len(method.nets)} networks, which must begin differently; give a "
            "function that makes one"
        )
    x = as_tensor(data.inputs[:2])
    for net in method.nets:
        before = net.training
        try:
            with torch.no_grad():
                said = net.eval()(x)
        except Exception as error:  # of the user's code
            raise UsageError(f"{asked}: fails on inputs {x.dtype} {list(x.shape)}: {cause(error)}") from error
        finally:
            net.train(before)
        wanted = (len(x), method.classes)
        if not isinstance(said, Tensor) or tuple(said.shape) != wanted:
            found = list(said.shape) if isinstance(said, Tensor) else f"a {type(said).__name__}"
            raise UsageError(f"{asked}: gives {found} of {len(x)} inputs; give logits, {list(wanted)}")
        if are_probabilities(said):
            raise UsageError(f"{asked}: gives probabilities, rows that sum to 1; give logits, without the softmax")
        if not any(weight.requires_grad for weight in net.parameters()):
            raise UsageError(f"{asked}: has no weight that is trained; call requires_grad_() on those that are to be")


def input_moments(data: LabelledData, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the rows' inputs: per channel on the scale 0..1, or per feature column.

    Of images beyond `MOMENT_BYTES` every so many-th counts, which moves neither in the third digit.
    """
    if not data.is_image:
        parts = np.array_split(rows, -(-len(rows) * data.inputs.shape[1] // FEATURES_AT_ONCE))
        mean = np.sum([data.inputs[part].sum(0, dtype=np.float64) for part in parts], axis=0) / len(rows)
        squares = np.sum([np.square(data.inputs[part] - mean).sum(0) for part in parts], axis=0)
        std = np.maximum(np.sqrt(squares / len(rows)), DEAD if data.is_embedding else 0)
        return torch.from_numpy(mean).float(), torch.from_numpy(std).float()
    # A histogram per channel gives both exactly, without a float copy of all pixels.
    levels = np.arange(256) / 255
    rows = rows[:: -(-len(rows) * data.inputs[0].size // MOMENT_BYTES)]
    counts = np.zeros((data.inputs.shape[1], 256), np.int64)
    for part in np.array_split(rows, -(-len(rows) * data.inputs[0].size // IMAGES_AT_ONCE)):
        pixels = data.inputs[part]
        counts += [np.bincount(pixels[:, c].ravel(), minlength=256) for c in range(len(counts))]
    means = [float(np.average(levels, weights=count)) for count in counts]
    stds = [
        float(np.sqrt(np.average((levels - mean) ** 2, weights=count)))
        for mean, count in zip(means, counts, strict=True)
    ]
    return torch.tensor(means), torch.tensor(stds)


def make_batches(
    config: RunConfig,
    data: LabelledData,
    draws: list[LabelDraw],
    generators: Generators,
    fabric: Fabric,
) -> Batches:
    """The data set on the device (or left where it is, if it does not fit), with the run's draws and augmentation."""
    inputs, device = as_tensor(data.inputs), fabric.device
    if device.type != "cuda" or inputs.nbytes < torch.cuda.mem_get_info(device)[0] / 2:
        inputs = inputs.to(device)
    return Batches(
        inputs,
        [
            Draw(torch.from_numpy(draw.train_rows).to(device), torch.from_numpy(draw.labels).to(device))
            for draw in draws
        ],
        batch_size=config.batch_size,
        augment=config.part("augment"),
        crop=config.crop,
        balanced=config.balanced_batches,
        on_disk=isinstance(data.inputs, np.memmap) and inputs.device.type == "cpu",
        order=generators.order,
        augmentation=generators.augmentation,
        processes=Processes(fabric.global_rank, fabric.world_size),
        whole_batches=config.processes > 1 and config.method_class().whole_batches,
    )


def make_fit(
    config: RunConfig, method: Method, batches: Batches, fabric: Fabric, true: NDArray[np.int64] | None = None
) -> Fit:
    """The loop, with steps replayed as CUDA graphs where they can be; a method that cannot says so in its notes.

    Args:
        config: the resolved request.
        method: what to train.
        batches: of the data.
        fabric: device and precision.
        true: ``int64 [n]`` true labels, if they are known.
    """
    optimizer, schedule, augment = (config.part(kind) for kind in ("optimizer", "schedule", "augment"))
    recorder, reason = (None, "") if config.eager else recorder_for(method, batches)
    if recorder is not None and not (isinstance(optimizer, str) and isinstance(augment, str)):
        recorder, reason = None, "the optimizer or augmentation is the user's own"
    if recorder is not None and config.processes > 1:
        recorder, reason = None, "several processes train"
    if reason:
        method.note(f"steps are not replayed as CUDA graphs: {reason}")
    return Fit(
        method,
        batches,
        fabric,
        epochs=config.epochs,
        optimizer=optimizer,
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        layer_decay=config.layer_decay,
        schedule=schedule,
        warmup=config.lr_warmup,
        recorder=recorder,
        true=None if true is None else torch.from_numpy(true).to(fabric.device),
    )

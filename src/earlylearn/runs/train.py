"""What happens between a request and a finished run folder?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from earlylearn.data.answers import is_long
from earlylearn.data.counting import say
from earlylearn.data.labelled import LabelledData
from earlylearn.data.readers.memory import IN_MEMORY
from earlylearn.data.request import as_list
from earlylearn.data.sources import Loaded, is_in_memory, name_of, refuse_notes
from earlylearn.errors import UsageError, setting
from earlylearn.files import from_json, write_json
from earlylearn.loop.method import Method
from earlylearn.plugins import short
from earlylearn.runs.checkpoint import load_checkpoint, method_names
from earlylearn.runs.config import RunConfig, check_processes, resolve
from earlylearn.runs.folder import RunFolder, environment, note_environment
from earlylearn.runs.inputs import describe_inputs, inputs_in_words
from earlylearn.runs.memory import check_memory
from earlylearn.runs.one_line import one_line_errors
from earlylearn.runs.origin import check_metrics
from earlylearn.runs.own import KINDS, LISTS, take_objects
from earlylearn.runs.places import PATHS, whole_path
from earlylearn.runs.prepare import draw_labels, label_arrays
from earlylearn.runs.reading import read_request
from earlylearn.runs.run import Run
from earlylearn.runs.session import Session
from earlylearn.runs.share import finished, followed, leads_not, places_of, silent, with_others
from earlylearn.runs.together import follows, found
from earlylearn.values import a_path, plain, whole_number


def train(
    data: Any,
    method: str | type[Method] | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Train a classifier on noisily labelled data, and find out which labels are wrong. What the command line calls.

    Args:
        data: a built-in name or path (see `earlylearn.data.sources.load`), or data already in memory: a DataFrame (with
            ``label="column"``), ``(X, y)`` of arrays, tensors, columns or pictures, a TensorDataset, a
            ``datasets.Dataset``, any data set with ``len()`` whose items are ``(input, label)``, or `LabelledData`. So
            may ``test``, and ``val``, which picks the epoch in place of rows held out.
        method: a name in `earlylearn.methods.METHODS`. None is what the recipe says, else ``auto`` on features (tables,
            texts, embeddings, pictures through an encoder) and ``elr`` on pictures as they are; ``elr`` too where a
            network, or a hyperparameter of it, is named. One of your own: its class, ``path/to/file.py:CLASS``, or the
            name by which an installed package offers it.
        out: the run folder to make; by default ``runs/<data>-<method>-<seed>``.
        overwrite: replace a run that is there already.
        quiet: show no progress.
        settings: any field of `earlylearn.runs.config.RunConfig` (``epochs``, ``seed``, ``noise``, ...), and the
            method's hyperparameters (``lam``, ``beta``, ...).

    Returns:
        The finished run.

    Raises:
        UsageError: the request or the data is wrong; nothing was written.
        EarlylearnError: the training failed; the last good checkpoint is kept.
    """
    settings = {**found(), **settings}
    with silent(leads_not(settings)):
        loaded, request, options = read(data, {**settings, "method": method}, quiet=quiet)
    config = resolve(loaded.train, request, options)
    if out is None:
        out = Path("runs") / f"{Path(config.data).stem}-{short(config.method)}-{config.seed}"
    out = a_path("out", out)
    return start(config, loaded, out, overwrite=overwrite, quiet=quiet)


def fit(
    network: nn.Module | Callable[..., nn.Module] | str,
    data: Any,
    *,
    method: str | type[Method] = "elr",
    out: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Train a network of your own on noisily labelled data: `train` with the network first.

    It sees float32 inputs, normalised to mean 0 and standard deviation 1 per channel or column (``raw_inputs=True``: in
    their own units), in the shape in which they came, and gives logits ``[B, C]``. What else may be your own are
    settings of `train`: ``optimizer`` (``sgd``, ``adamw``, a class of `torch.optim`, or a function from the network to
    an optimizer), ``schedule`` (a name, or a function from optimizer and epochs to a scheduler, stepped after each
    epoch), ``lr_warmup``, ``augment`` (a function from an input to one like it), ``class_weights``, ``metrics`` (names,
    or functions of true and predicted classes), ``log`` (names, or loggers), ``callbacks`` (functions of an epoch's
    record and the method, or objects with ``on_run_start(folder)``, ``on_epoch_end(record, method)`` and
    ``on_run_end(summary)``; one that raises stops the run, which `resume` continues). Functions and classes of a file
    are noted by their place and found again; what is made on the spot is given anew to `resume` and `Run`.

    Args:
        network: an `nn.Module`, of which a copy is trained; its class; a function that makes one and is given those of
            ``shape``, ``classes`` and ``num_classes`` that it takes by name; or a name.
        data: as of `train`.
        method: as of `train`.
        out: as of `train`.
        settings: as of `train`.

    Returns:
        The finished run; ``run.network()`` is the trained network.

    Raises:
        UsageError: as of `train`; or the network does not take the inputs, or gives no logits of the classes.
    """
    if network is None or not (isinstance(network, str) or callable(network)):
        raise UsageError(
            f"network: a {type(network).__name__} is no network; earlylearn.fit(network, data) takes an nn.Module, its "
            "class, a function that makes one, or a name"
        )
    return train(data, method, network=network, out=out, **settings)


def read(data: Any, settings: dict[str, Any], *, quiet: bool = False) -> tuple[Loaded, dict[str, Any], dict[str, Any]]:
    """Read the data a request names, and sort its settings: fields of `RunConfig` (paths made whole), hyperparameters.

    Pictures and texts have gone through their encoder, which the request then names.

    Raises:
        UsageError: the data cannot be read as asked.
    """
    settings = dict(settings)
    options = settings.pop("options", None)
    if options is not None and not isinstance(options, dict):
        raise UsageError(f"{setting('options', options)}: must be a dictionary, such as {{'lam': 3}}")
    options = dict(options or {})
    request: dict[str, Any] = {}
    for name, value in settings.items():
        mine = name in RunConfig.model_fields or name == "callbacks"
        (request if mine else options)[name] = plain(name_of(value)) if name not in OBJECTS else value
    loaded, source, encoder = read_request(data, request, quiet=quiet)
    if request.get("strict"):  # once more, for what decoding and label files had to tell
        refuse_notes(loaded.notes)
    for note in loaded.notes:
        say(note)  # never kept quiet: it says what became of the user's data
    if is_in_memory(request.get("test")):
        request["test"] = None  # config.json has no place for it
    if loaded.train.val is not None and not isinstance(name_of(request.get("val")), str):
        request["val"] = IN_MEMORY
    paths = {name: whole_path(request[name]) for name in PATHS if isinstance(request.get(name), str)}
    named: dict[str, Any] = {} if encoder is None else {"encoder": encoder}
    if is_long(people := as_list(request.get("annotators") or ())):
        named["annotators"] = [whole_path(people[0])]
    return loaded, {**request, **paths, "data": whole_path(source), **named}, options


def start(config: RunConfig, loaded: Loaded, out: str | Path, *, overwrite: bool = False, quiet: bool = False) -> Run:
    """Train as a resolved request says, in a new run folder; errors as of `train`."""
    with torch.random.fork_rng(devices=[]):
        # Before anything is written, because this still finds fault with the request: noise, schedule, network.
        draws = draw_labels(config, loaded.train)
        if follows(config.processes):
            return followed(config, loaded, draws, out)
        memory = check_memory(config, loaded.train, Path(out).expanduser())
        with with_others(config, loaded, draws, out) as seat:
            session = Session(config, loaded, draws, quiet=quiet, seat=seat)
            with RunFolder.made(out, overwrite=overwrite) as folder:
                with one_line_errors(folder):
                    folder.write_config(config, describe_inputs(loaded))
                    write_json(folder.environment, environment())
                    folder.write_labels(**label_arrays(draws, loaded.train))
                    if loaded.train.fitted is not None:
                        loaded.train.fitted.save(folder.encoder)
                if not quiet:
                    say(headline(config, loaded.train))
                    if memory:
                        say(memory)
                return finished(session, session.run(folder), seat)


def check(config: RunConfig, loaded: Loaded) -> None:
    """Raise the UsageError that `start` would raise of this request, and train nothing."""
    with torch.random.fork_rng(devices=[]):
        alone = config.model_copy(update={"devices": 1, "num_nodes": 1})
        Session(alone, loaded, draw_labels(config, loaded.train), quiet=True)


def resume(
    path: str | Path,
    data: Any = None,
    *,
    test: Any = None,
    val: Any = None,
    epochs: int | None = None,
    devices: int | None = None,
    num_nodes: int | None = None,
    quiet: bool = False,
    **objects: Any,
) -> Run:
    """Continue an interrupted run exactly where its last whole epoch ended; a finished run is returned as it is.

    Args:
        path: the run folder.
        data: the data, if the run was made from data in memory; otherwise they are read again as before.
        test: the test set, if it was in memory too.
        val: the validation set, if it was in memory too.
        epochs: how many epochs the run is to have in all; more than it had. A finished run goes on from its last epoch,
            and is audited anew at its end. The schedule becomes that of a run of the new length, at the epoch where the
            run is: a constant one, or one with milestones, goes on as if so many epochs had been asked for at once, bit
            for bit; a cosine, which had come down to 0, is up again where the longer cosine would be.
        devices: how many devices of a machine are to train it now, if not as many as when it began: sums are then
            rounded in another order.
        num_nodes: the same of machines.
        quiet: show no progress.
        objects: what of the run was a user's own and is in no file: ``network``, ``optimizer``, ``schedule``,
            ``augment``, ``metrics``, ``log``, ``callbacks``, as of `train`.

    Raises:
        UsageError: not a run folder, an unreadable checkpoint, the data are not those the run began with, or the run
            has as many epochs already.
    """
    unknown = [name for name in objects if name not in (*KINDS, *LISTS, "callbacks")]
    if unknown:
        raise UsageError(
            f"{setting(unknown[0], objects[unknown[0]])}: a run is continued as it was begun; leave it out"
        )
    _, own = take_objects(objects)
    folder = RunFolder.open(path)
    run = Run(path, own=own)
    longer = epochs is not None and plain(epochs) != run.config.epochs
    if folder.finished and not longer:
        return run
    if longer:
        longer_config = _lengthened(run, epochs)
    if data is None and run.config.data == IN_MEMORY:
        raise UsageError(
            f"{path}: was trained on data in memory; continue it with earlylearn.resume({str(path)!r}, data)"
        )
    if val is None and run.config.val == IN_MEMORY and not isinstance(data, LabelledData | Loaded):
        raise UsageError(
            f"{path}: a validation set in memory picks its epoch; continue it with "
            f"earlylearn.resume({str(path)!r}, ..., val=...)"
        )
    source = data if data is not None else run.config.data
    given = {name: part for name, part in (("test", test), ("val", val)) if part is not None}
    request = {**run.config.model_dump(), **given}
    places = places_of(run.config, devices, num_nodes)
    with silent(leads_not(places)):
        loaded, _, _ = read_request(source, request, quiet=quiet, saved=folder.encoder)
    if longer:
        _check_same(run, loaded)
        if not leads_not(places):
            with folder.locked(), one_line_errors(folder):
                folder.summary.unlink(missing_ok=True)  # first: without it, the run has not come to its end
                folder.write_config(longer_config, run.inputs)
        run = Run(path, own=own)
        run.config = longer_config.with_own(own)
    run.config = run.config.model_copy(update=places)
    check_processes(run.config)
    return go_on(run, loaded, quiet=quiet)


def _lengthened(run: Run, epochs: Any) -> RunConfig:
    """The request of a run that is to have more epochs."""
    begun = run.folder.last.exists() or run.folder.finished
    done = load_checkpoint(run.folder.last)["fit"]["epoch"] if begun else 0
    least = max(done, run.config.epochs if run.folder.finished else 0) + 1
    epochs = whole_number("epochs", epochs, least=least, why=f"the run has {least - 1} already")
    return run.config.model_copy(update={"epochs": epochs, "continued": (*run.config.continued, run.config.epochs)})


def _check_same(run: Run, loaded: Loaded) -> None:
    began, now = run.inputs, describe_inputs(loaded)
    if now["fingerprint"] != began["fingerprint"]:
        raise UsageError(_changed(run))
    if now.get("val") != began.get("val"):
        raise UsageError(
            f"{run.folder.path}: the validation set changed since the run began; restore it, or train anew"
        )


def _changed(run: Run) -> str:
    return f"{run.folder.path}: the data of {run.config.data} changed since the run began; restore them, or train anew"


def go_on(run: Run, loaded: Loaded, *, quiet: bool = False) -> Run:
    """Continue an unfinished run with its data, read again; errors as of `resume`."""
    config, folder = run.config, run.folder
    _check_same(run, loaded)
    if folder.last.exists():  # which has every weight: the file training began with may be gone
        config = config.model_copy(update={"pretrained": None})
    draws = draw_labels(config, loaded.train)
    checkpoint = folder.last if folder.last.exists() else None
    if follows(config.processes):
        with torch.random.fork_rng(devices=[]):
            return followed(config, loaded, draws, folder.path, checkpoint)
    again = label_arrays(draws, loaded.train)
    with folder.locked():
        if folder.finished:  # by the process that held the lock until now
            return Run(folder.path)
        if not folder.labels.exists() and not folder.last.exists():  # what came first did not fit onto the disk
            with one_line_errors(folder):
                folder.write_labels(**again)
        saved = folder.read_labels()
        if not all(name in saved and np.array_equal(saved[name], array) for name, array in again.items()):
            raise UsageError(_changed(run))
        _tell_threads(folder)
        checkpoint = folder.last if folder.last.exists() else None
        with torch.random.fork_rng(devices=[]), with_others(config, loaded, draws, folder.path, checkpoint) as seat:
            session = Session(config, loaded, draws, quiet=quiet, seat=seat)
            if checkpoint is not None:
                names = method_names(session.fit.method)
                session.take_up(load_checkpoint(checkpoint, names), checkpoint, run.inputs)
                check_metrics(session.best, folder)
            elif folder.metrics.exists() and folder.metrics.read_bytes().count(b"\n") > 1:
                say(f"{folder.last}: is gone; the run begins anew")
            with one_line_errors(folder):
                folder.last.parent.mkdir(exist_ok=True)
                folder.keep_metrics(session.fit.epoch)
                note_environment(folder)
            return finished(session, session.run(folder), seat)


def _tell_threads(folder: RunFolder) -> None:
    """Say so where a run goes on with another number of threads: sums are then rounded in another order."""
    try:
        before = from_json(folder.environment.read_text()).get("threads")
    except (OSError, ValueError, AttributeError):
        return
    now = torch.get_num_threads()
    if isinstance(before, int) and before != now:
        say(
            f"{folder.path}: began with {before} threads and goes on with {now}: the last digits may differ from a run "
            "in one go"
        )


def headline(config: RunConfig, data: LabelledData) -> str:
    """What trains on what, in one line: rows, features, network, method and its first hyperparameter."""
    features, method = inputs_in_words(data), config.method_class()
    inputs = f"{len(data):,} rows of {len(data.classes):,} classes, {f'{features}, ' if features else ''}"
    if method.in_words:
        return f"{inputs}method {config.method}: {method.in_words}"
    options = ", ".join(f"{name} {value}" for name, value in list(config.options.items())[:1])
    return f"{inputs}network {config.network}, method {config.method}{options and f' ({options})'}"


# Settings that may be objects.
OBJECTS = (*KINDS, *LISTS, "callbacks")

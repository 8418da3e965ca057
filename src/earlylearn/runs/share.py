"""How do several processes share one run: which leads, what travels to the others, what do these do?"""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from earlylearn.data.sources import Loaded
from earlylearn.loop.processes import answered
from earlylearn.runs.checkpoint import load_checkpoint
from earlylearn.runs.config import RunConfig
from earlylearn.runs.own import Own
from earlylearn.runs.prepare import LabelDraw
from earlylearn.runs.run import Run
from earlylearn.runs.session import Session
from earlylearn.runs.together import Seat, follows, found, together
from earlylearn.values import whole_number


def leads_not(settings: dict[str, Any]) -> bool:
    """Whether another process of a launcher leads this run; settings as they were given."""
    try:
        devices, nodes = (int(settings.get(name) or 1) for name in ("devices", "num_nodes"))
    except (TypeError, ValueError):
        return False  # the request is refused later
    return follows(devices * nodes)


@contextmanager
def silent(yes: bool) -> Iterator[None]:
    """While it lasts, what the first process says is not said again."""
    with redirect_stderr(io.StringIO()) if yes else nullcontext():
        yield


def with_others(
    config: RunConfig, loaded: Loaded, draws: list[LabelDraw], out: str | Path, checkpoint: Path | None = None
) -> AbstractContextManager[Seat | None]:
    """While the processes that share the run are there: see `earlylearn.runs.together`."""
    own = config.own
    theirs = config.model_copy(update={"metrics": (), "log": ()}).with_own(Own(parts=own.parts))
    return together(config, partial(follow, theirs, _only_numbers(loaded), draws, checkpoint), out)


def follow(
    config: RunConfig, loaded: Loaded, draws: list[LabelDraw], checkpoint: Path | None, seat: Seat | None = None
) -> Session:
    """Train as one of several processes of which another leads; what these were started for."""
    session = Session(config, loaded, draws, quiet=True, seat=seat)
    if checkpoint is not None:
        session.take_up(load_checkpoint(checkpoint), checkpoint)
    session.follow()
    return session


def _only_numbers(loaded: Loaded) -> Loaded:
    """The data without what only tells of them: what travels to other processes."""
    bare = {"pictures": None, "cells": None, "answers": None, "fitted": None}
    val = loaded.train.val and replace(loaded.train.val, **bare)  # type: ignore[arg-type]
    test = loaded.test and replace(loaded.test, **bare)  # type: ignore[arg-type]
    return Loaded(replace(loaded.train, val=val, **bare), test)  # type: ignore[arg-type]


def followed(
    config: RunConfig, loaded: Loaded, draws: list[LabelDraw], out: str | Path, checkpoint: Path | None = None
) -> Run:
    """Train as one of a launcher's processes that does not lead; the run, when the first has written it."""
    session = follow(config, loaded, draws, checkpoint)
    with answered():
        session.fit.fabric.barrier()
    run = Run(out, own=session.config.own)
    run.leads = False
    return run


def finished(session: Session, run: Run, seat: Seat | None) -> Run:
    """The run, of which a launcher's other processes wait to hear."""
    if session.config.processes > 1 and seat is None:
        with answered():
            session.fit.fabric.barrier()
    return run


def places_of(config: RunConfig, devices: int | None, num_nodes: int | None) -> dict[str, int]:
    """How many devices and machines go on with a run: as asked, as torchrun says, or as many as it began with."""
    places = {"devices": config.devices, "num_nodes": config.num_nodes, **found()}
    asked = {"devices": devices, "num_nodes": num_nodes}
    return {**places, **{name: whole_number(name, count) for name, count in asked.items() if count is not None}}

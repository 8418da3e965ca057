"""How does a person see that a long piece of work on many items goes on, and when it will end?"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from earlylearn.errors import spoken, visible


@contextmanager
def counted(
    doing: str, done: str, what: str, total: int, *, already: int = 0, quiet: bool = False
) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, else a line before and after; both say at the end how fast it was.

    Args:
        doing: what is being done, such as ``decoding``.
        done: the same when it is done, such as ``decoded``.
        what: to what, such as ``images of clothing1m``.
        total: how many items there are.
        already: how many of them need no work any more.
        quiet: say nothing.

    Yields:
        A function that takes how many items have been done since it was last called.
    """
    console, what = Console(stderr=True), visible(what)
    began, finished = time.monotonic(), 0
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(f"{doing} {what}", total=total, completed=already)
        if hidden and not quiet:
            say(f"{doing} {total - already:,} {what}, this once")

        def advance(items: int) -> None:
            nonlocal finished
            finished += items
            bar.advance(task, items)

        yield advance
    seconds = max(time.monotonic() - began, 1e-3)
    if not quiet:
        say(f"{done} {finished:,} {what} in {seconds:.0f} s, {finished / seconds:,.0f} per second")


def say(line: str) -> None:
    """A line on stderr, at once; settings in it as whoever asked writes them, control characters escaped."""
    print(spoken(line), file=sys.stderr, flush=True)

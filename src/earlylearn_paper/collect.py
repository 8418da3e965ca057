"""How do runs that were finished elsewhere become numbers and pictures of the page, without training anything?"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from earlylearn.errors import UsageError, setting
from earlylearn.files import fault, from_json
from earlylearn_paper import EXPERIMENTS
from earlylearn_paper.page import runs_beside
from earlylearn_paper.records import Record, Records, read_record
from earlylearn_paper.reproduce import Reproduction, reproduce
from earlylearn_paper.work import ScaleName, Unfinished

PACKED = "records*.jsonl"  # many records in one file, as they travel from a machine with a GPU
RECORDED: tuple[ScaleName, ...] = ("medium", "full")  # whose records are committed; those of features are many


def collect(source: str | Path, *, out: str | Path, page: str | Path) -> list[Reproduction]:
    """Take up the records of finished runs in a folder, and make all figures and tables that can be made of them.

    Args:
        source: a folder with ``records*.jsonl`` or with a file per record (``records/`` in it is looked into).
        out: where figures and tables are made.
        page: the page, beside whose results the records are kept; see `earlylearn_paper.page.write_page`.

    Returns:
        What was made.

    Raises:
        UsageError: the folder has no record, or one cannot be read; nothing was taken up.
    """
    found = list(_records(Path(source)))
    if not found:
        raise UsageError(f"{setting('collect', source)}: has no record of a finished run ({PACKED}, or records/*.json)")
    kept = Records(runs_beside(page))
    for record in found:
        kept.add(record)
    made = []
    for name, experiment in EXPERIMENTS.items():
        for scale in (scale for scale in RECORDED if scale in experiment.scales):
            if "training" in experiment.scales[scale].settings:
                try:
                    made.append(reproduce(name, scale=scale, out=out, records=runs_beside(page), collect=True))
                except Unfinished:
                    continue
    return made


def _records(source: Path) -> Iterator[Record]:
    packed = sorted(source.glob(PACKED))
    for path in packed:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                document = from_json(line)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: is no JSON ({error}); bring the file again") from None
            reason = fault(document, Record)
            if reason is not None:
                raise UsageError(f"{path}, line {number}: is no record of a run ({reason}); bring the file again")
            yield cast(Record, document)
    for path in sorted([*source.glob("records/*.json"), *([] if packed else source.glob("*.json"))]):
        yield read_record(path)

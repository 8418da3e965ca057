"""Does a study shared through PostgreSQL lose nothing, and do nothing twice, when workers are killed?

A database of its own is made in a temporary folder and removed again. Each worker is a command in a folder of its own,
as on a machine of its own; some are killed by SIGKILL while a run of theirs is under way, and the others take that over
when the silence has lasted (a minute). Needs Debian's ``postgresql`` and the driver ``psycopg[binary]``.

Run:
    python -m benchmarks.database --workers 4 --killed 2
"""

import argparse
import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lightning_fabric.plugins.environments.lightning import find_free_network_port


def programs() -> Path | None:
    """Where PostgreSQL's server programs are: the newest of Debian's, or those on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL of its own, while it lasts: its URL."""
    where = programs()
    if where is None:
        raise SystemExit("PostgreSQL is not there; apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="earlylearn-database-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # its server refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    port = find_free_network_port()

    def call(*words: str) -> None:
        subprocess.run([*as_user, *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, env={"LC_ALL": "C"})

    call(
        str(where / "initdb"), "-D", str(folder / "data"), "-U", "earlylearn", "-A", "trust", "-E", "UTF8", "--locale=C"
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        call(str(where / "pg_ctl"), "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql+psycopg://earlylearn@127.0.0.1:{port}/postgres"
    finally:
        with suppress(subprocess.CalledProcessError):
            call(str(where / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def worker(url: str, out: Path, seeds: int, epochs: int) -> "subprocess.Popen[bytes]":
    """A command that joins the study."""
    asked = ["digits", "--methods", "ce,elr", "--noise", "symmetric:0.4", "--limit", "300"]
    asked += ["--seeds", str(seeds), "--epochs", str(epochs), "--storage", url, "--out", str(out), "--quiet", "--json"]
    out.parent.mkdir(parents=True, exist_ok=True)
    with (out.parent / f"{out.name}.json").open("wb") as said:
        return subprocess.Popen([sys.executable, "-m", "earlylearn", "compare", *asked], stdout=said)


def training(out: Path) -> bool:
    """Whether a run of this worker is under way: it has ended an epoch, and has no summary."""
    return any(not (each.parent / "summary.json").exists() for each in out.glob("runs/*/metrics.jsonl"))


def share(url: str, folder: Path, *, workers: int, killed: int, seeds: int, epochs: int) -> dict[str, object]:
    """Have workers share a study, kill some, and count what the database says of every task."""
    began = time.monotonic()
    running = {folder / f"machine-{k}": worker(url, folder / f"machine-{k}", seeds, epochs) for k in range(workers)}
    victims = random.Random(0).sample(sorted(running), killed)
    for out in victims:
        while running[out].poll() is None and not training(out):
            time.sleep(0.02)
        running[out].send_signal(signal.SIGKILL)
    statuses = {out.name: process.wait() for out, process in running.items()}
    import optuna

    storage = optuna.storages.RDBStorage(url)
    tasks = {
        study.study_name: [trial.state.name for trial in storage.get_all_trials(study._study_id)]
        for study in storage.get_all_studies()
    }
    finished = Counter(path.parent.name for path in folder.glob("machine-*/runs/*/summary.json"))
    answers = [json.loads((folder / f"{out.name}.json").read_text()) for out in running if statuses[out.name] == 0]
    for run in (run for answer in answers for run in answer["runs"]):
        del run["folder"]  # which is where it was made, and None elsewhere
    return {
        "exit_statuses": statuses,
        "tasks": len(tasks),
        "tasks_done_once": sum(states.count("COMPLETE") == 1 for states in tasks.values()),
        "tasks_done_twice": sum(states.count("COMPLETE") > 1 for states in tasks.values()),
        "tasks_lost": sum("COMPLETE" not in states for states in tasks.values()),
        "trials": dict(Counter(state for states in tasks.values() for state in states)),
        "run_folders_finished": sum(finished.values()),
        "run_folders_finished_twice": sum(count > 1 for count in finished.values()),
        "survivors_agree": all(answer == answers[0] for answer in answers),
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    """Measure, and exit with status 1 if anything was lost or done twice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.database", description="A study in PostgreSQL.")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--killed", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=6, help="of each of two methods (default 6)")
    parser.add_argument("--epochs", type=int, default=40, help="of every run (default 40)")
    asked = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as folder:
        said = share(url, Path(folder), **vars(asked))
    print(json.dumps(said, indent=1))
    sys.exit(bool(said["tasks_lost"] or said["tasks_done_twice"] or not said["survivors_agree"]))


if __name__ == "__main__":
    main()

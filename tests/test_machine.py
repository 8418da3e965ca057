"""Does a process that keeps its memory stop asking the system for it?"""

import ctypes
import subprocess
import sys

import pytest

# Blocks larger than glibc keeps by itself (32 MiB), each written to; prints the pages that the system had to give. The
# first ones do not count: glibc keeps the seven first scraps that aligning them leaves between them.
SCRIPT = """
import resource, torch
from earlylearn.machine import keep_freed_memory
{setting}
for turn in range(20):
    if turn == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(2**26, dtype=torch.uint8).fill_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt")


@pytest.mark.slow
@pytest.mark.skipif(not GLIBC, reason="the setting is glibc's")
def test_blocks_freed_are_used_again():
    def pages(setting: str) -> int:
        command = [sys.executable, "-c", SCRIPT.format(setting=setting)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert pages("keep_freed_memory()") < pages("") / 10


def test_a_run_on_a_processor_keeps_its_memory(run_path, monkeypatch):
    import earlylearn.runs.session
    from earlylearn import train

    asked = []
    monkeypatch.setattr(earlylearn.runs.session, "keep_freed_memory", lambda: asked.append(True))
    train("digits", network="linear", epochs=1, limit=40, accelerator="cpu", out=run_path, quiet=True)
    assert asked

"""Does one process wait, and say so, while another makes the same, and go on where files cannot be locked?"""

import threading
import time

import pytest
from filelock import FileLock

from earlylearn.data.waiting import one_at_a_time


def test_who_comes_second_waits_and_says_for_what(tmp_path, capsys):
    lock, held, order = tmp_path / "lock", threading.Event(), []

    def first():
        with FileLock(lock):
            held.set()
            for _ in range(1000):
                if "waiting" in told():
                    break
                time.sleep(0.01)
            order.append("first")

    said = ""

    def told():
        nonlocal said
        said += capsys.readouterr().err
        return said

    other = threading.Thread(target=first)
    other.start()
    held.wait()
    with one_at_a_time(lock, "decodes photos"):
        order.append("second")
    other.join()
    assert order == ["first", "second"]
    assert told() == "waiting for another process, which decodes photos\n"


@pytest.mark.parametrize("error", [NotImplementedError("flock"), OSError(95, "not supported")])
def test_a_disk_that_cannot_lock_files_is_no_hindrance(tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with one_at_a_time(tmp_path / "lock", "decodes photos"):
        pass
    with pytest.raises(ValueError, match="of the work itself"), one_at_a_time(tmp_path / "lock", "decodes photos"):
        raise ValueError("of the work itself")

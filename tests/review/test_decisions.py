"""Does an answer survive a kill, count once, and come back when it is taken back?"""

import json
import os
import subprocess
import sys
import time

import pytest

from earlylearn.errors import EarlylearnError, UsageError
from earlylearn.review.decisions import Decision, DecisionLog, check_name, check_verdict


def answer(uuid, row="a", decision="keep", label=None, **more):
    return Decision(uuid=uuid, id=row, given="cat", decision=decision, label=label, **more)


def test_an_answer_is_on_the_disk_and_counts_once(tmp_path):
    log = DecisionLog(tmp_path / "review" / "ana.jsonl")
    assert log.append(answer("1"))
    assert not log.append(answer("1"))
    assert log.append(answer("2", "b", "relabel", "dog", note="a dog, surely", ms=900))
    again = DecisionLog(log.path)
    assert again.in_force() == log.in_force()
    assert again.in_force()["b"].note == "a dog, surely"
    assert len(log.path.read_text().splitlines()) == 2


def test_the_latest_answer_stands_and_the_one_before_it_returns_when_it_is_taken_back(tmp_path):
    log = DecisionLog(tmp_path / "ana.jsonl")
    log.append(answer("1", decision="keep"))
    log.append(answer("2", decision="unsure"))
    assert log.in_force()["a"].decision == "unsure"
    assert log.undo("2", "u1").decision == "keep"
    assert log.undo("1", "u2") is None
    assert log.in_force() == {} == DecisionLog(log.path).in_force()
    with pytest.raises(UsageError, match="no answer"):
        log.undo("9", "u3")


def test_two_servers_of_one_review_see_each_others_answers(tmp_path):
    one, other = (DecisionLog(tmp_path / "ana.jsonl") for _ in range(2))
    one.append(answer("1"))
    assert other.in_force() == one.in_force()
    assert not other.append(answer("1"))
    other.append(answer("2", "b"))
    assert set(one.in_force()) == {"a", "b"}
    assert one.undo("2", "u") is None
    assert set(other.in_force()) == {"a"}
    assert len(other.path.read_text().splitlines()) == 3


def test_a_line_that_a_kill_cut_short_never_counted(tmp_path):
    log = DecisionLog(tmp_path / "ana.jsonl")
    log.append(answer("1"))
    whole = log.path.read_bytes()
    for cut in range(1, 40, 7):
        log.path.write_bytes(whole + whole[:cut])
        again = DecisionLog(log.path)
        assert set(again.in_force()) == {"a"}
        again.append(answer("2", "b"))
        assert set(DecisionLog(log.path).in_force()) == {"a", "b"}


WRITES = """
import sys
from pathlib import Path
from earlylearn.review.decisions import Decision, DecisionLog
log = DecisionLog(Path(sys.argv[1]))
k = len(log)
while True:
    log.append(Decision(uuid=str(k), id=str(k), given="cat", decision="keep", note="x" * 200))
    print(k, flush=True)
    k += 1
"""


def test_killed_at_any_moment_no_confirmed_answer_is_lost(tmp_path):
    path = tmp_path / "ana.jsonl"
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", WRITES, path], stdout=subprocess.PIPE, text=True)
        confirmed = child.stdout.readline()
        time.sleep(0.05)
        child.kill()
        confirmed = (confirmed + child.communicate()[0]).split()
        kept = set(DecisionLog(path).in_force())
        assert {name for name in confirmed if name.isdecimal()} <= kept


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_keeps_nothing_and_says_so(tmp_path):
    log = DecisionLog(tmp_path / "ana.jsonl")
    log.path.symlink_to("/dev/full")
    with pytest.raises(EarlylearnError, match="No space left"):
        log.append(answer("1"))
    assert log.in_force() == {}


@pytest.mark.parametrize(
    "line", ['{"uuid": 1}', "[]", "nonsense", json.dumps({"uuid": "1", "id": "a", "given": "c", "decision": "perhaps"})]
)
def test_a_broken_file_is_named(tmp_path, line):
    (tmp_path / "ana.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=r"ana\.jsonl"):
        DecisionLog(tmp_path / "ana.jsonl")


@pytest.mark.parametrize("name", ["", "../ben", "a/b", ".hidden", "adjudicated", "x" * 41])
def test_a_name_must_name_a_file(name):
    with pytest.raises(UsageError, match="reviewer"):
        check_name(name)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (answer("1", decision="relabel", label="cow"), "none of the classes"),
        (answer("1", decision="relabel", label="cat"), "is its label already"),
        (answer("1", decision="keep", label="dog"), "takes no label"),
        (Decision(uuid="1", id="a", given="dog", decision="keep"), "the data have 'cat'"),
    ],
)
def test_an_answer_must_fit_its_row(decision, reason):
    with pytest.raises(UsageError, match=reason):
        check_verdict(decision, "cat", ("cat", "dog"))

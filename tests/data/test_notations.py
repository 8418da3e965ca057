"""Are numbers that a person wrote otherwise, and files that stand for others, named and never silently taken?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from earlylearn.data.readers.beginnings import what_it_is
from earlylearn.data.readers.corrections import read_corrections
from earlylearn.data.readers.notations import other_notation
from earlylearn.data.sources import load
from earlylearn.errors import UsageError
from earlylearn.networks.timm_networks import load_pretrained
from earlylearn.runs.checkpoint import load_checkpoint

RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
# Of a whole number: how it may be written, and what that is called.
SPELLINGS = {
    "hexadecimal": (hex, "0x"),
    "hexadecimal, large letters": (lambda k: f"0X{k:X}", "hexadecimal"),
    "hexadecimal, padded": (lambda k: f"0x{k:08x}", "hexadecimal"),
    "hexadecimal fraction": (lambda k: float(k).hex(), "hexadecimal"),
    "octal": (oct, "octal"),
    "binary": (bin, "binary"),
    "underscores": (lambda k: f"{k + 1000:_}", "underscores"),
    "thousands": (lambda k: f"{k + 1000:,}", "commas"),
    "thousands, blanks": (lambda k: f"{k + 1000:,}".replace(",", "\u202f"), "notation"),
    "thousands, apostrophes": (lambda k: f"{k + 1000:,}.5".replace(",", "'"), "notation"),
    "crores": (lambda k: f"{k // 1000},{k // 10 % 100:02},{k % 10:03}", "commas"),
    "decimal comma": (lambda k: f"{k},25", "commas"),
    "percent": (lambda k: f"{k}.5%", "units"),
    "percent, in words": (lambda k: f"{k} percent", "units"),
    "currency": (lambda k: f"${k:,}.00", "units"),
    "currency behind": (lambda k: f"{k},00 €", "units"),
    "currency, less": (lambda k: f"-£{k}", "units"),
    "currency's code": (lambda k: f"EUR {k}", "units"),
    "rupees": (lambda k: f"₹{k}", "units"),
    "minus of Unicode": (lambda k: f"\u2212{k}", "notation"),
    "power, minus of Unicode": (lambda k: f"{k}.5e\u22123", "notation"),
    "power of ten": (lambda k: f"{k}.5×10^{k % 3}", "notation"),
    "power of ten, raised": (lambda k: f"{k}.5·10" + str(-(k % 3) - 1).translate(RAISED), "notation"),
    "power of Fortran": (lambda k: f"{k}.5D+03", "notation"),
    "error": (lambda k: f"{k}.5 ± 0.1", "notation"),
    "error in brackets": (lambda k: f"{k}.51(3)", "notation"),
    "accountant's minus": (lambda k: f"({k})", "notation"),
    "formula of a spreadsheet": (lambda k: f'="{k}"', "notation"),
    "text of a spreadsheet": (lambda k: f"'{k}", "notation"),
    "no width": (lambda k: f"\u200b{k}", "notation"),
    "feet and inches": (lambda k: f"{k}'{k % 12}\"", "units"),
    "degrees": (lambda k: f"{k}.5°N", "units"),
    "minutes": (lambda k: f"{k}m{k % 60}s", "times"),
    "duration": (lambda k: f"PT{k}S", "times"),
    "digits of another script": (lambda k: "".join(chr(0x660 + int(c)) for c in str(k)), "notation"),
    "complex": (lambda k: f"{k}+{k}j", "notation"),
}
KNOWN = sorted(SPELLINGS)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4" * 64 + b"\nsize 84977\n"
ANNEX = b"/annex/objects/SHA256E-s84977--" + b"4" * 64 + b".csv\n"


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(KNOWN), st.lists(st.integers(10, 99_999), min_size=3, max_size=30, unique=True), st.integers(1, 9)
)
def test_a_number_written_otherwise_is_never_a_category(tmp_path_factory, kind, numbers, times):
    """Few values or many, once or often; from a file, which pandas reads first."""
    spell, called = SPELLINGS[kind]
    cells = [spell(k) for k in numbers] * times
    file = tmp_path_factory.mktemp("t") / "t.csv"
    rows = np.arange(len(cells))
    pd.DataFrame({"f": cells, "g": np.sin(rows), "y": rows % 2}).to_csv(file, index=False)
    with pytest.raises(UsageError) as refused:
        load(str(file), label="y")
    assert "column 'f'" in str(refused.value)
    assert called in str(refused.value) or "among numbers" in str(refused.value)
    assert "drop=['f']" in str(refused.value) or "correct it" in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["hexadecimal", "underscores", "thousands", "percent", "minus of Unicode", "decimal comma"]),
    st.lists(st.integers(10, 99_999), min_size=3, max_size=12, unique=True),
    st.data(),
)
def test_one_among_plain_numbers_is_not_one_either(kind, numbers, draw):
    odd = draw.draw(st.integers(0, len(numbers) - 1))
    cells = [SPELLINGS[kind][0](k) if place == odd else str(k) for place, k in enumerate(numbers)] * 3
    frame = pd.DataFrame({"f": cells, "g": np.sin(np.arange(len(cells))), "y": np.arange(len(cells)) % 2})
    with pytest.raises(UsageError, match=r"'f'.*(among numbers|numbers (with|in))"):
        load(frame, label="y")


@pytest.mark.parametrize(
    "names",
    [
        ["red", "green", "blue"],
        ["#ff0000", "#00ff00", "#0000ff"],
        ["10-19", "20-29", "30-39"],
        ["1st", "2nd", "3rd"],
        ["0-1", "2-4", "5+"],
        ["A1", "B2", "C3"],
        ["1.0.2", "1.1.0", "2.0.0"],
        ["1/2", "3/4", "1/4"],
        ["1_2", "3_4", "5_6"],
        ["v1", "v2", "v3"],
        ["S", "M", "L", "XL"],
        ["1", "2", "3+"],
        ["1", "2", "3C"],
        ["yes", "no", "perhaps"],
        ["3:1", "2:1", "5:1"],
        ["e1", "e2", "e3"],
        ["0x", "x0", "0b"],
    ],
)
def test_categories_stay_categories(names):
    assert other_notation(pd.Series(names * 5)) is None
    frame = pd.DataFrame({"f": names * 10, "y": np.arange(10 * len(names)) % 2})
    assert load(frame, label="y").train.schema["columns"][0]["categories"] == sorted(names)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("x,y\n1,a\n2,b\n".encode("utf-32"), "UTF-32; save it as UTF-8"),
        (b"\x00\x00\xfe\xff" + "x,y\n1,a\n2,b\n".encode("utf-32-be"), "UTF-32; save it as UTF-8"),
        ("x,y\n1,a\n2,b\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"\xfe\xff" + "x,y\n1,a\n2,b\n".encode("utf-16-be"), "UTF-16; save it as UTF-8"),
        *[
            ("x,y\n1,a\n2,b\n".encode(f"utf-{bits}-{end}"), f"UTF-{bits} without a mark")
            for bits in (16, 32)
            for end in ("le", "be")
        ],
        (LFS, "pointer of Git LFS, not the file itself, which is still to be fetched: run git lfs pull"),
        (ANNEX, "pointer of git-annex"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b"\n<!DOCTYPE html>", "web page"),
        (b"<?xml version='1.0'?><Error>", "what a server said instead"),
        (b"\x89PNG\r\n", "picture"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_table_that_is_none_is_called_what_it_is(tmp_path, content, what, suffix):
    file = tmp_path / f"t.{suffix}"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=rf"t\.{suffix}: is .*{what}"):
        load(str(file), label="y")


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_no_text_in_utf_8_is_taken_for_another(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("t") / "t.csv"
    file.write_text(f"x,{text}", encoding="utf-8")
    assert what_it_is(file) is None


@pytest.mark.parametrize("name", ["d.npz", "d.npy", "d.parquet", "d.csv", "d.png"])
def test_a_pointer_in_place_of_data_says_what_it_is(tmp_path, name):
    (tmp_path / name).write_bytes(LFS)
    with pytest.raises(UsageError, match=rf"{name}: is a pointer of Git LFS.*run git lfs pull"):
        load(str(tmp_path / name), label="y" if name.endswith(("csv", "parquet")) else None)


def test_a_pointer_in_place_of_a_picture_or_labels_or_corrections(tmp_path):
    for k in range(8):
        (tmp_path / "p" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), k).save(tmp_path / "p" / "ab"[k % 2] / f"{k}.png")
    (tmp_path / "p" / "a" / "2.png").write_bytes(LFS)
    with pytest.raises(UsageError, match=r"2\.png: is a pointer of Git LFS"):
        load(str(tmp_path / "p"))
    frame = pd.DataFrame({"x": np.sin(np.arange(9)), "y": np.arange(9) % 2})
    for suffix in ("txt", "csv", "npy", "npz", "pt"):
        (tmp_path / f"l.{suffix}").write_bytes(LFS)
        with pytest.raises(UsageError, match=rf"l\.{suffix}: is a pointer of Git LFS"):
            load(frame, label="y", labels=str(tmp_path / f"l.{suffix}"))
    with pytest.raises(UsageError, match=r"l\.csv: is a pointer of Git LFS"):
        read_corrections(tmp_path / "l.csv")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_pointer_in_place_of_weights(tmp_path, name):
    pytest.importorskip("timm")
    (tmp_path / name).write_bytes(LFS)
    with pytest.raises(UsageError, match="is a pointer of Git LFS"):
        load_pretrained(None, "timm:resnet18", str(tmp_path / name))
    with pytest.raises(UsageError, match="is a pointer of Git LFS"):
        load_checkpoint(tmp_path / name)

"""Can the log and the records be read: a list on top, and in each section a question and what came of it?"""

import re

import pytest

from docs._site.pages import DOCS, ROOT


@pytest.mark.parametrize("path", [DOCS / "LOG.md", ROOT / "benchmarks" / "RECORDS.md"], ids=lambda path: path.stem)
def test_each_section_is_listed_asks_and_answers(path):
    head, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = [section.partition("\n")[0] for section in sections]
    assert re.findall(r"^- \[(.*)\]\(#", head, re.MULTILINE) == titles
    for title, section in zip(titles, sections, strict=True):
        assert "**Question.**" in section, title
        assert "**Command.**" in section, title
        verdicts = re.findall(r"^\*\*Verdict[^*]*\.\*\* ", section, re.MULTILINE)
        verdict = re.sub(r"\s+", " ", section.rstrip().rpartition("\n\n")[2])
        assert len(verdicts) == 1, title
        assert verdict.startswith("**Verdict"), f"{title}: ends with something else"
        assert not re.search(r"[.?] [A-Z`*]", verdict.partition(".** ")[2]), f"{title}: a verdict is one sentence"

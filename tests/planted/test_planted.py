"""That every planted bug still finds its line. Whether a test notices it: `script/test --planted`."""

from pathlib import Path

import pytest

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.gone)
def test_it_can_be_planted(bug: Bug) -> None:
    for patch in bug.patches:
        text = (ROOT / patch.file).read_text()
        assert text.count(patch.old) == 1, f"{patch.file} does not say once: {patch.old}"
        compile(text.replace(patch.old, patch.new), patch.file, "exec")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.gone)
def test_the_tests_that_are_to_notice_it_are_there(bug: Bug) -> None:
    for test in bug.caught_by:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists()
        assert not name or f"def {name}(" in (ROOT / file).read_text()

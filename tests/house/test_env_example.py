import re

from tests.environment import ROOT

READ = re.compile(r"""(?:\benv\.\w+|_required_in_production)\(\s*["']([A-Z][A-Z_0-9]+)["']""")


def test_every_name_that_is_read_stands_in_the_example() -> None:
    explained = set(re.findall(r"^# ([A-Z][A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    read = {
        name
        for room in ("hotdash", "integrations", "social")
        for path in (ROOT / room).rglob("*.py")
        for name in READ.findall(path.read_text())
    }
    for_tests_alone = {name for name in read if name.startswith("TEST_")}
    assert len(read) > 30
    assert read - for_tests_alone - explained == set()


def test_the_example_sets_nothing_as_it_stands() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []

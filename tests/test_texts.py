"""The table of sentences and the code that asks for them name the same keys; the JavaScript itself holds no sentence (eslint)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT

from vae.texts import text, texts

SCRIPTS = sorted(p for p in (ROOT / "vae/ui/static/js").rglob("*.js") if p.name != "texts.js")
PYTHON = sorted((ROOT / "vae").rglob("*.py"))
BY_CODE = {"recipes", "flags", "traps", "metrics", "terms"}  # groups whose keys are those of other tables
# say("a.b"), saying(`a.${kind}`); sentence("a", key) in JavaScript, text("a", "b") in Python: the key as far as it is written out
DOTTED = re.compile(r"\b(?:say|saying)\(\s*([\"`])([^\"`]*)\1")
LISTED = {
    ".js": re.compile(r"\bsentence\(((?:\s*\"[\w-]+\",?)+)\s*(\)?)"),
    ".py": re.compile(r"\btext\(((?:\s*\"[\w-]+\",?)+)\s*(\)|\w+=)?"),  # the numbers come after the keys
}


def leaves(table: object, *above: str) -> Iterator[tuple[str, str]]:
    """(dotted key, sentence) of all that a person reads; the forms of a plural share one key."""
    if isinstance(table, dict) and "other" not in table:
        for key, value in table.items():
            yield from leaves(value, *above, str(key))
    elif isinstance(table, dict):
        yield from ((".".join(above), str(form)) for form in table.values())
    elif isinstance(table, list):
        yield from leaves(dict(enumerate(table)), *above)
    elif isinstance(table, str):
        yield ".".join(above), table


def asked(file: Path) -> Iterator[str]:
    """The keys that a file asks for; `{}` where a part of one is computed."""
    source = file.read_text(encoding="utf-8")
    for match in DOTTED.finditer(source):
        yield re.sub(r"\$\{[^}]*\}", "{}", match[2])
    for match in LISTED[file.suffix].finditer(source):
        yield ".".join(re.findall(r"[\w-]+", match[1])) + ("" if match[2] else ".{}")


def pattern(key: str) -> re.Pattern[str]:
    return re.compile(re.escape(key).replace(r"\{\}", r"[\w.-]+") + r"(\..*)?")


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_every_sentence_that_a_script_asks_for_stands_in_the_table(file):
    known = {key for key, _ in leaves(texts())}
    for key in asked(file):
        assert any(pattern(key).fullmatch(one) for one in known), f"{file.name} asks for {key}"


def test_every_sentence_of_the_table_is_asked_for_somewhere():
    wanted = [pattern(key) for file in [*SCRIPTS, *PYTHON] for key in asked(file)]
    for key in {key for key, _ in leaves(texts()) if key.split(".")[0] not in BY_CODE}:
        assert any(one.fullmatch(key) for one in wanted), f"nothing asks for {key}"


def test_every_plural_has_the_form_for_one_and_for_many():
    def tables(at: object) -> Iterator[dict]:
        if isinstance(at, dict):
            yield at
            for value in at.values():
                yield from tables(value)

    for table in tables(texts()):
        assert not {"one", "other"} & set(table) or set(table) == {"one", "other"}


def test_python_fills_the_numbers_of_a_sentence_in():
    assert text("recipes", "tutorial", "hint", width=400).endswith("one hidden layer of 400")

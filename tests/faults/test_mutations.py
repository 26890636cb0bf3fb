"""The mutations still apply to the sources."""

import ast
from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS, ROOT, Mutation, apply_mutation, copy_to

BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


@pytest.mark.parametrize("name", BY_NAME)
def test_each_mutation_applies_once_and_is_valid_python(name: str) -> None:
    mutation = BY_NAME[name]
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    changed = text.replace(mutation.old, mutation.new)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))


@pytest.mark.parametrize("name", BY_NAME)
def test_the_tests_of_each_mutation_exist(name: str) -> None:
    assert (ROOT / BY_NAME[name].tests[0]).exists()


def test_mutations_change_only_a_copy(tmp_path: Path) -> None:
    copy_to(tmp_path)
    mutation = MUTATIONS[0]
    apply_mutation(tmp_path, mutation)
    assert mutation.old in (ROOT / mutation.file).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="0 places"):
        apply_mutation(tmp_path, mutation)


def test_a_mutation_that_does_not_apply_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"no such: 0 places in a\.py"):
        apply_mutation(tmp_path, Mutation("no such", "a.py", "y", "z", ()))

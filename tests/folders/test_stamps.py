"""What tells that a file was changed or replaced."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vae.folders.stamps import file_stamp, stamps

FOUND = {"st_ino": 1, "st_mtime_ns": 2, "st_ctime_ns": 3, "st_size": 4}


@pytest.mark.parametrize("changed", FOUND)
def test_a_file_that_differs_in_any_one_of_its_marks_is_another(changed):
    before, after = SimpleNamespace(**FOUND), SimpleNamespace(**(FOUND | {changed: 9}))
    assert file_stamp(before) == file_stamp(SimpleNamespace(**FOUND)) != file_stamp(after)


def test_what_is_no_folder_of_models_has_no_stamps(tmp_path):
    (tmp_path / "file").touch()
    assert stamps(tmp_path / "absent") == {} and stamps(tmp_path / "file") is None

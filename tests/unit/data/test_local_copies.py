"""Which files of a local copy are which split."""

from __future__ import annotations

import pytest

from swa.data.local_copies import check_complete, split_files
from swa.errors import UnavailableError


def _touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _names(found):
    return {split: [path.name for path in paths] for split, paths in found.items()}


def test_files_of_a_configuration_by_their_names(tmp_path):
    _touch(tmp_path, "a/test-00001-of-00002.parquet", "a/test-00000-of-00002.parquet", "a/dev-0.parquet", "b/x.parquet")
    _touch(tmp_path, "a/validation.parquet", "a/README.md", "a/a-train.parquet")
    assert _names(split_files(tmp_path, "a")) == {
        "test": ["test-00000-of-00002.parquet", "test-00001-of-00002.parquet"],
        "dev": ["dev-0.parquet"],
        "validation": ["validation.parquet"],
        "train": ["a-train.parquet"],
    }
    assert split_files(tmp_path, "c") == {}
    assert split_files(tmp_path / "nowhere", "a") == {}
    assert split_files(tmp_path / "nowhere", None) == {}


def test_another_configuration_is_never_taken_instead(tmp_path):
    _touch(tmp_path, "a/test-0.parquet")
    assert split_files(tmp_path, "b") == {}


@pytest.mark.parametrize("place", ["data", "plain_text", "."])
def test_an_unnamed_configuration_is_the_only_folder_with_files(tmp_path, place):
    _touch(tmp_path, f"{place}/test-0.parquet", f"{place}/train-0.parquet")
    assert set(split_files(tmp_path, None)) == {"test", "train"}


def test_of_several_folders_the_unnamed_configuration_is_data(tmp_path):
    _touch(tmp_path, "data/test-0.parquet", "more/train-0.parquet")
    assert set(split_files(tmp_path, None)) == {"test"}


README = """---
license: mit
configs:
- config_name: wide
  data_files:
  - split: test
    path: odd/wide*
  - split: train
    path: [odd/first.parquet, "odd/second*"]
- config_name: usual
  default: true
  data_dir: odd
  data_files:
  - split: validation
    path: "*.parquet"
- config_name: unnamed_splits
  data_files: "odd/*"
---
# A card
"""


def test_the_readme_says_what_belongs_where(tmp_path):
    _touch(tmp_path, "odd/wide-one.parquet", "odd/wide-two.txt", "odd/second-1.parquet")
    (tmp_path / "README.md").write_text(README)
    assert _names(split_files(tmp_path, "wide")) == {"test": ["wide-one.parquet"], "train": ["second-1.parquet"]}
    assert _names(split_files(tmp_path, None)) == {"validation": ["second-1.parquet", "wide-one.parquet"]}
    assert split_files(tmp_path, "absent") == {}
    assert split_files(tmp_path, "unnamed_splits") == {}


def test_splits_that_the_readme_promises_and_that_were_not_copied_are_absent(tmp_path):
    _touch(tmp_path, "odd/wide-one.parquet")
    (tmp_path / "README.md").write_text(README)
    assert set(split_files(tmp_path, "wide")) == {"test"}


@pytest.mark.parametrize("readme", ["no head", "---\nconfigs: 3\n---\n", "---\nlicense: mit\n---\n", "---\n---\n"])
def test_a_readme_that_says_nothing_leaves_it_to_the_names(tmp_path, readme):
    _touch(tmp_path, "a/test-0.parquet")
    (tmp_path / "README.md").write_text(readme)
    assert set(split_files(tmp_path, "a")) == {"test"}


@pytest.mark.parametrize("readme", ["---\nconfigs: [\n---\n", "---\n- a\n---\n"])
def test_a_broken_readme_is_one_sentence(tmp_path, readme):
    (tmp_path / "README.md").write_text(readme)
    with pytest.raises(UnavailableError, match="cannot be read as YAML"):
        split_files(tmp_path, "a")


def test_half_a_split_is_refused(tmp_path):
    (file,) = split_files(_touch(tmp_path, "a/test-00000-of-00003.parquet"), "a")["test"]
    with pytest.raises(UnavailableError, match="holds 1 files of split 'test', but 3 belong to it") as caught:
        check_complete([file], split="test", hint="Way out.")
    assert caught.value.hint == "Way out."
    check_complete([file] * 3, split="test", hint="")

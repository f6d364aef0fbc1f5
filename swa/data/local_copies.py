"""Local copies of data sets in the hub's layout: which files are which split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from swa.errors import UnavailableError

_SPLIT_OF_FILE = re.compile(r"(?P<split>\w+(?:\.\w+)*?)(?:-.*)?\.parquet")


def split_files(folder: Path, config: str | None) -> dict[str, list[Path]]:
    """The parquet files of one configuration of a data set, by split; splits without files are absent.

    The README's `configs` say which files belong to a configuration. Where they do not, it is a folder of that name
    (unnamed: `data`, or the only folder that has files) with files called `<split>-….parquet`.

    Args:
        folder: Copy of the data set's repository; it need not exist.
        config: Name of the configuration, `None` for the default one.

    Raises:
        UnavailableError: The README cannot be read.
    """
    return _by_readme(folder, config) or _by_name(folder, config)


def check_complete(files: Sequence[Path], *, split: str, hint: str) -> None:
    """Refuse a split of which parts are missing: half a data set is another data set.

    Args:
        files: The parquet files of the split, in order.
        split: Its name.
        hint: Ways out.

    Raises:
        UnavailableError: The names say that more files belong to the split.
    """
    total = re.search(r"-\d+-of-(\d+)", files[0].name)
    if total and len(files) != int(total[1]):
        raise UnavailableError(
            f"'{files[0].parent}' holds {len(files)} files of split '{split}', but {int(total[1])} belong to it.",
            hint=hint,
        )


def _by_readme(folder: Path, config: str | None) -> dict[str, list[Path]]:
    described = [block for block in _configs(folder / "README.md") if isinstance(block, dict)]
    for block in described:
        is_default = block.get("config_name", "default") == "default" or block.get("default") or len(described) == 1
        if block.get("config_name", "default") == config or (config is None and is_default):
            base = folder / block.get("data_dir", "")
            found = {
                split: sorted(path for pattern in patterns for path in base.glob(pattern) if path.suffix == ".parquet")
                for split, patterns in _patterns(block.get("data_files"))
            }
            return {split: files for split, files in found.items() if files}
    return {}


def _configs(readme: Path) -> list[Any]:
    if not readme.is_file():
        return []
    from huggingface_hub import metadata_load
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        metadata = metadata_load(readme) or {}
    except (OSError, ValueError, YAMLError) as error:
        raise UnavailableError(f"The head of '{readme}' cannot be read as YAML.") from error
    configs = metadata.get("configs")
    return configs if isinstance(configs, list) else []


def _patterns(data_files: Any) -> Iterator[tuple[str, list[str]]]:
    """Split and patterns of each entry; entries that do not name their split are left to the files' names."""
    for entry in data_files if isinstance(data_files, list) else [data_files]:
        if isinstance(entry, Mapping) and "split" in entry and "path" in entry:
            paths = entry["path"]
            yield entry["split"], [paths] if isinstance(paths, str) else list(paths)


def _by_name(folder: Path, config: str | None) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in sorted(_folder_of(folder, config).glob("*.parquet")):
        match = _SPLIT_OF_FILE.fullmatch(path.name.removeprefix(f"{config}-"))
        if match:
            found[match["split"]].append(path)
    return dict(found)


def _folder_of(folder: Path, config: str | None) -> Path:
    if config is not None:
        return folder / config
    folders = {path.parent for path in folder.rglob("*.parquet")}
    return folders.pop() if len(folders) == 1 else folder / "data"

"""`swa report`: make a report from what is saved, and write its two files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from swa.store.atomic import write_text
from swa.store.tree import make_writable

if TYPE_CHECKING:
    from swa.reports.saved.models import ModelArtifacts


class WrittenReport(NamedTuple):
    """A report on disk.

    Attributes:
        models: What it is about.
        files: Paths by name.
    """

    models: Sequence[ModelArtifacts]
    files: dict[str, str]


def report(directory: Path | str, output: Path | str | None = None) -> WrittenReport:
    """Write `report.md` and `report.html` from what is saved in a folder.

    Args:
        directory: Where artifacts are sought, at any depth.
        output: Where the files go; by default beside the artifacts.

    Raises:
        UsageError: There is no artifact, or the files cannot be written.
        InvalidArtifactError: An artifact does not fit its schema.
    """
    from swa.reports.build import build_report
    from swa.reports.page.html import render_html
    from swa.reports.page.markdown import render_markdown
    from swa.reports.saved.models import find_artifacts

    directory = Path(directory)
    models = find_artifacts(directory)
    target = directory if output is None else Path(output)
    make_writable(target, (target,))
    words = ["swa", "report", str(directory), *([] if output is None else ["--output", str(output)])]
    document = build_report(models, command=shlex.join(words))
    files = {"report": target / "report.html", "markdown": target / "report.md"}
    write_text(files["report"], render_html(document))
    write_text(files["markdown"], render_markdown(document, base=target))
    return WrittenReport(models, {name: str(path) for name, path in files.items()})

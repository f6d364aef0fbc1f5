"""How to repeat the report, and how to cite it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from swa.reports.page.document import Block, Code, Listing, Paragraph, Section, Words
from swa.reports.saved.headers import runs_of
from swa.reports.saved.models import ModelArtifacts

_SOURCES = (
    """@misc{yu2024superweight,
  title  = {The Super Weight in Large Language Models},
  author = {Yu, Mengxia and Wang, De and Shan, Qi and Reed, Colorado and Wan, Alvin},
  year   = {2024},
  eprint = {2411.07191},
  archivePrefix = {arXiv}
}""",
    """@misc{sun2024massive,
  title  = {Massive Activations in Large Language Models},
  author = {Sun, Mingjie and Chen, Xinlei and Kolter, J. Zico and Liu, Zhuang},
  year   = {2024},
  eprint = {2402.17762},
  archivePrefix = {arXiv}
}""",
)


def repeat_section(models: Sequence[ModelArtifacts], command: str, anchor: str) -> Section:
    """The commands, from the first run to this page.

    Args:
        models: The models of the report.
        command: The command that makes this page again.
        anchor: Name of the section in links.
    """
    lines = []
    for found in models:
        for name, run in runs_of(found).items():
            given = run.header.command_line
            lines.append(shlex.join(given) if given else f"swa {name}")
            if run.config.exists():
                lines.append(
                    f"# the same, with every option as it acted: swa {name} --config {shlex.quote(str(run.config))}"
                )
    lines = list(dict.fromkeys([*lines, command]))
    words: Words = (
        "Seeds, versions, revisions and fingerprints stand in What was run. ",
        "The same command again in the same folder computes nothing that is finished; ",
        Code("--force"),
        " does it anew.",
    )
    blocks: tuple[Block, ...] = (Paragraph(words), Listing("\n".join(lines), "sh"))
    return Section("How to repeat it", anchor, blocks)


def citation_section(models: Sequence[ModelArtifacts], anchor: str) -> Section:
    """What to cite: the program in the version that measured, and the sources of its methods."""
    versions = {
        run.header.versions["swa"]
        for found in models
        for run in runs_of(found).values()
        if "swa" in run.header.versions
    }
    fields = ["  title   = {Super Weight Analysis}", "  author  = {{The swa developers}}"]
    fields += [f"  version = {{{', '.join(sorted(versions))}}}"] if versions else []
    software = "@software{swa,\n" + ",\n".join(fields) + "\n}"
    words = (
        "Cite the program with its version, the paper that defines super weights, and, for what you use of them, "
        "massive activations (arXiv 2402.17762), universal neurons (2401.12181), super experts (2507.23279) and "
        "lm-evaluation-harness, whose tasks are used."
    )
    return Section(
        "How to cite it", anchor, (Paragraph((words,)), Listing("\n\n".join([software, *_SOURCES]), "bibtex"))
    )

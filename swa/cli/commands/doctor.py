"""`swa doctor`: what swa sees in a model, and proof that it would find a super weight in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swa.cli.declare.options import Models, OutputOptions
from swa.cli.terminal.output import Output
from swa.errors import UnsupportedModelError
from swa.models.loading.options import LoadOptions
from swa.text.numbers import size

if TYPE_CHECKING:
    from swa.detection.doctor import Examination
    from swa.runs.steps.doctor import Examined
    from swa.schemas.runs import ModelOutcome

EXAMPLES = """
    swa doctor demo
    swa doctor ./my-model --dtype bfloat16
    swa doctor org/name --max-memory 8GiB --json
"""


def command(models: Models, *, load: LoadOptions, shown: OutputOptions) -> None:
    """Show what swa sees in a model, and test it.

    Lists layers, down projections, experts, final norm and unembedding, and how much memory the weights take. Then it
    plants a super weight, finds it, removes it and puts every bit back. Exit code 4, with the reason, where a model is
    not supported.
    """
    from swa import runs
    from swa.cli.terminal.libraries import tamed_libraries
    from swa.cli.terminal.progress import TerminalProgress

    output = Output(for_machines=shown.json, verbose=shown.verbose, quiet=shown.quiet)
    progress = TerminalProgress(output)
    with tamed_libraries(output, progress):
        done = runs.doctor(models, load=load, progress=progress, on_outcome=lambda seen: _show(seen, output))
    if shown.json:
        from swa.schemas.runs import CommandResult

        outcomes = [_outcome(seen) for seen in done.models]
        output.line(CommandResult(command="doctor", status=done.status, models=outcomes).model_dump_json())
    done.raise_failures()
    for seen in done.models:
        if not seen.found.plant.passed:
            raise UnsupportedModelError(f"The self-test failed on {seen.name}: {_plant_text(seen.found)}.")


def _show(seen: Examined, output: Output) -> None:
    found = seen.found
    output.text(f"{seen.name}: {found.architecture}")
    rows = [("layers", f"{n_layers} in {path}") for path, n_layers in found.n_layers.items()]
    for kind, n_sites in found.n_sites.items():
        title = "experts" if kind == "expert" else f"sites ({kind})"
        rows.append((title, f"{n_sites} down projections of {found.shapes[kind]}, e.g. {found.paths[kind]}"))
    tied = ", tied to the embedding" if found.head.tied else ""
    rows += [
        ("final norm", found.head.final_norm or "none"),
        ("unembedding", f"{found.head.unembedding}, {found.head.vocabulary} tokens{tied}"),
        ("weights", f"{size(found.n_bytes)}; {seen.device} has {size(seen.n_bytes_there)}"),
        ("self-test", _plant_text(found)),
    ]
    for title, text in rows:
        output.text(f"  {title:<16} {text}")
    output.text("")


def _plant_text(found: Examination) -> str:
    plant = found.plant
    if plant.passed:
        return f"passed: planted at {plant.planted}, found there, removal changes the logits, weights restored"
    if plant.planted != plant.found:
        return f"planted at {plant.planted}, found at {plant.found}"
    if not plant.changes_logits:
        return f"removing {plant.planted} changes no logit"
    return f"the logits differ after {plant.planted} was put back"


def _outcome(seen: Examined) -> ModelOutcome:
    from swa.schemas.runs import ModelOutcome

    found = seen.found
    return ModelOutcome(
        model=seen.name,
        folder="",
        n_candidates=0,
        n_confirmed=0,
        headline={
            "n_layers": float(sum(found.n_layers.values())),
            "n_sites": float(sum(found.n_sites.values())),
            "n_experts": float(found.n_sites.get("expert", 0)),
            "n_bytes": float(found.n_bytes),
            "self_test_passed": float(found.plant.passed),
        },
        files={},
    )

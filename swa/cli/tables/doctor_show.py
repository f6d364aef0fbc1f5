"""What `swa doctor` shows: what was found in each model, or one object for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swa.cli.terminal.output import Output
from swa.runs.driver.models import Outcomes
from swa.runs.steps.doctor import Examined
from swa.schemas.runs import CommandResult, ModelOutcome
from swa.text.numbers import size

if TYPE_CHECKING:
    from swa.detection.doctor import Examination


def show(seen: Examined, output: Output) -> None:
    """Print what was found in a model."""
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
        ("self-test", outcome_of_test(found)),
    ]
    for title, text in rows:
        output.text(f"  {title:<16} {text}")
    output.text("")


def outcome_of_test(found: Examination) -> str:
    """How the self-test ended."""
    plant = found.plant
    if plant.passed:
        return f"passed: planted at {plant.planted}, found there, removal changes the logits, weights restored"
    if plant.planted != plant.found:
        return f"planted at {plant.planted}, found at {plant.found}"
    if not plant.changes_logits:
        return f"removing {plant.planted} changes no logit"
    return f"the logits differ after {plant.planted} was put back"


def command_result(done: Outcomes[Examined]) -> CommandResult:
    """What `--json` prints."""
    return CommandResult(command="doctor", status=done.status, models=[_outcome(seen) for seen in done.models])


def _outcome(seen: Examined) -> ModelOutcome:
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

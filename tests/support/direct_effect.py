"""The derivative of the unembedding's output along a direction written by a down projection, by the model's own code.

The direct path from an MLP's output to the logits is linear up to norms. A norm's derivative is
`γ ⊙ (δ − x̂ (x̂·δ)) / rms(x)`: what it should be, less a share of the norm's own input. So the change of the logits is
a combination of the wanted effect and of the effects of the norms' inputs, whose shares are fitted here.
"""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch

from swa.engine.capture.calls import SiteCalls, watch_sites
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.readout.norms import Norm
from swa.models.readout.residual_write import Branch
from swa.models.readout.unembedding import Unembedding

IDS = torch.randint(6, 75, (1, 11), generator=torch.Generator().manual_seed(3))


class _Push(SiteCalls):
    """Adds a vector to every output row of one site, in its last call only."""

    def __init__(self, owners, sites, step, n_calls):
        super().__init__(owners, sites)
        self.step = step
        self.n_calls = n_calls
        self.seen = 0

    def on_call(self, call):
        self.seen += 1
        if self.seen == self.n_calls:
            call.y.add_(self.step)


def vary_norms(model, seed: int = 0) -> None:
    """Give norms and biases values that are no ones and zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_((0.2 * noise * (parameter.abs().double() + 0.5)).to(parameter))


def unexplained(
    loaded: LoadedModel, unembedding: Unembedding, site: Site, direction: torch.Tensor
) -> tuple[float, float] | None:
    """Share of the logits' change that the wanted effect and the norms' inputs do not explain, and the sign.

    Args:
        loaded: The model in float64.
        unembedding: What is tested.
        site: A down projection of the last layer.
        direction: `(d_out,)`, what is added to its output.

    Returns:
        The share and the fitted coefficient of the wanted effect; `None` where no token reached the site.
    """
    step = 1e-4
    inputs: dict[str, torch.Tensor] = {}
    steps = unembedding.branches.of(site).steps
    norms = [step for step in steps if isinstance(step, Norm)]
    final = [unembedding.tail.norm] if unembedding.tail.norm else []
    paths = [norm.path for norm in norms + final]
    _, n_calls = _head_output(loaded, site, direction, paths, inputs, n_calls=0)
    (plus, _), (minus, _) = (
        _head_output(loaded, site, factor * step * direction, [], inputs, n_calls=n_calls) for factor in (1.0, -1.0)
    )
    # the token that the site changes most: experts do not see all of them
    change = (plus - minus) / (2 * step)
    if not bool(change.any()):
        return None
    token = int(change.abs().amax(dim=1).argmax())
    last = token - len(change)  # some models drop rows in front
    rows = unembedding.rows(0, len(unembedding), dtype=torch.float64)
    others = [
        Branch(None, steps[number:], ()).directions(inputs[step.path][last][:, None])[:, 0]
        for number, step in enumerate(steps)
        if isinstance(step, Norm)
    ]
    others += [inputs[norm.path][last] for norm in final]
    wanted = unembedding.directions(site, direction[:, None])[:, 0]
    centred = [v - v.mean() if final and final[0].centres else v for v in others]
    effects = [(rows @ v).numpy() for v in (wanted, *centred)]
    y = change[token, unembedding.ids].numpy()
    design = np.stack([*effects, np.ones(len(y))], axis=1)
    fit, *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ fit
    return float(rest @ rest / ((y - y.mean()) @ (y - y.mean()))), float(fit[0])


def _head_output(loaded, site, step, paths, inputs, *, n_calls):
    model = loaded.model
    seen: dict[str, torch.Tensor] = {}
    with ExitStack() as stack, torch.no_grad():
        head = model.get_output_embeddings()
        stack.callback(head.register_forward_hook(lambda _m, _a, out: seen.update(out=out)).remove)
        for path in paths:
            module = model.get_submodule(path)
            keep = lambda _m, args, path=path: inputs.update({path: args[0].reshape(-1, args[0].shape[-1]).clone()})  # noqa: E731
            stack.callback(module.register_forward_pre_hook(keep).remove)
        push = stack.enter_context(watch_sites(model, lambda owners: _Push(owners, [site], step, n_calls)))
        model(input_ids=IDS, use_cache=False)
    return seen["out"].reshape(-1, seen["out"].shape[-1]), push.seen

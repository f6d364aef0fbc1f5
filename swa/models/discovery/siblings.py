"""Siblings of the traced sites: layers and experts that the traced tokens did not reach."""

from __future__ import annotations

import re
from dataclasses import replace

from torch import nn

from swa.models.discovery.sites import Site

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def complete_families(model: nn.Module, sites: list[Site]) -> list[Site]:
    """Add modules whose path differs from a site's only in numbers and whose parameter has the same shape.

    An expert in a list of modules (`experts.3.w2`) gets its number: the last one in its path inside the layer.
    """
    modules = dict(model.named_modules())
    known = {site.module for site in sites}
    families = {(_NUMBER.sub("#", site.module + "."), site.parameter, site.stack): site for site in sites}
    found = list(sites)
    listed = {id(getattr(modules[site.module], site.parameter)) for site in sites}
    for path, module in modules.items():
        if path in known:
            continue
        for (pattern, name, stack), example in families.items():
            if _NUMBER.sub("#", path + ".") != pattern or not path.startswith(f"{stack}."):
                continue
            parameter = getattr(module, name, None)
            traced = getattr(modules[example.module], name)
            if parameter is not None and parameter.shape == traced.shape and id(parameter) not in listed:
                layer = int(path.removeprefix(f"{stack}.").split(".")[0])
                found.append(replace(example, module=path, layer=layer, shared_with=()))
    return [_numbered(site) for site in found]


def _numbered(site: Site) -> Site:
    if site.expert is not None:
        return site
    numbers = re.findall(r"experts\.(\d+)(?:\.|$)", site.inner)
    return replace(site, expert=int(numbers[-1])) if numbers else site

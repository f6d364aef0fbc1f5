"""From a name to the single tasks behind it, before any data are loaded: groups of groups, tags, overrides.

lm-eval can only load a group whole. Which leaves get items, and from where their data come, is known before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swa.errors import UsageError

_GROUP_FIELDS = frozenset({"group", "group_alias", "task", "aggregate_metric_list", "metadata"})
_MULTIMODAL_FIELDS = ("doc_to_image", "doc_to_audio")


@dataclass(frozen=True)
class LeafSpec:
    """One task as its group wants it.

    Attributes:
        name: lm-eval's name of the task.
        group: Group that names it, or the task itself.
        member: The task as a member of a group's `task` list: its name and what the groups override.
        config: Its configuration with the overrides; functions are not resolved.
    """

    name: str
    group: str
    member: Mapping[str, Any]
    config: Mapping[str, Any]


def leaves_of(name: str, index: Mapping[str, Any]) -> list[LeafSpec]:
    """The tasks behind a name, in lm-eval's order, each once.

    Args:
        name: A task, group or tag.
        index: `TaskManager.task_index`, which holds the name.

    Raises:
        UsageError: One of them runs code that the model writes, needs images or sound, or is no valid task.
    """
    leaves = {leaf.name: leaf for leaf in _expand(name, name, {}, index)}
    for leaf in leaves.values():
        if leaf.config.get("unsafe_code"):
            refuse_code(leaf.name)
        if any(leaf.config.get(field) for field in _MULTIMODAL_FIELDS):
            refuse_multimodal(leaf.name)
    if not leaves:
        raise UsageError(f"There are no tasks behind '{name}'.")
    return list(leaves.values())


def refuse_code(name: str) -> None:
    """Say that a task runs code.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"The task '{name}' runs code that the model writes; `swa` does not do that.")


def refuse_multimodal(name: str) -> None:
    """Say that a task needs more than text.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"The task '{name}' needs images or sound; `swa` evaluates text only.")


def _expand(name: str, group: str, overrides: Mapping[str, Any], index: Mapping[str, Any]) -> Iterator[LeafSpec]:
    """Follow lm-eval's `TaskFactory`, but give each leaf its own name.

    There an override that says `task: <group>` renames every leaf of the group, and 57 subjects become one.
    """
    entry = index[name]
    if entry.kind.name == "TAG":
        for task in sorted(entry.tags & index.keys()):
            yield from _expand(task, group, overrides, index)
    elif entry.kind.name == "GROUP":
        yield from _members(name, entry.cfg, overrides, index)
    else:
        member = {**overrides, "task": name}
        yield LeafSpec(name=name, group=group, member=member, config={**(entry.cfg or {}), **member})


def _members(
    group: str, config: Mapping[str, Any], overrides: Mapping[str, Any], index: Mapping[str, Any]
) -> Iterator[LeafSpec]:
    """Leaves of a group's `task` list; what a group sets beyond its own fields goes to all of them."""
    inherited = {**_without(config, _GROUP_FIELDS), **overrides}
    members = config.get("task")
    for member in members if isinstance(members, list) else ():
        if isinstance(member, str):
            yield from (
                _expand(member, group, inherited, index)
                if member in index
                else _inline({"task": member}, group, inherited)
            )
        elif "group" in member and member["group"] in index:
            yield from _expand(member["group"], group, {**inherited, **_without(member, {"group"})}, index)
        elif "group" in member:
            yield from _members(f"{group}::{member['group']}", member, inherited, index)
        elif member.get("task") in index:
            yield from _expand(member["task"], group, {**inherited, **_without(member, {"task"})}, index)
        else:
            yield from _inline(member, group, inherited)


def _inline(member: Mapping[str, Any], group: str, overrides: Mapping[str, Any]) -> Iterator[LeafSpec]:
    """A task that is written out in the group's own file; lm-eval puts the group's name in front of its own."""
    config = {**overrides, **member}
    if "task" not in config or "dataset_path" not in config:
        raise UsageError(f"lm-eval's group '{group}' has a member that is no task.")
    yield LeafSpec(name=f"{group}::{config['task']}", group=group, member=config, config=config)


def _without(config: Mapping[str, Any], fields: set[str] | frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in fields}

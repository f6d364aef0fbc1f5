"""Words that terminal, pages and figures share; docs/concepts.md says what they mean."""

from __future__ import annotations

NOT_MEASURED = "–"
"""What stands where a number would be."""
NOT_SIGNIFICANT = "n.s."
"""Behind a drop whose 95 % interval holds 0."""
SMOKE_TEST = "smoke test, no benchmark"
"""What the project's own texts and items are good for."""
BUILTIN = "builtin"
"""The project's own text, and its own items: for trying out, and called so wherever they are shown."""
BUILTIN_LEAVES = ("builtin_choices", "builtin_answers")
"""The two tasks of the project's own items."""


def counted(number: int, noun: str) -> str:
    """`no texts`, `1 text`, `2 texts`, `12,345 texts`."""
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"


def is_builtin_task(task: str) -> bool:
    """Whether a task is one of the project's own."""
    return task in (BUILTIN, *BUILTIN_LEAVES)


def task_title(task: str) -> str:
    """A task's name; of the project's own items with what they are."""
    return f"{task} ({SMOKE_TEST})" if is_builtin_task(task) else task

"""Whether two checkouts give the same results, to the byte: `python -m tests.support.golden OLD NEW`.

Both run the same calls on the same planted models, side by side, each in a folder of its own; then everything that they
wrote and printed is compared, without what differs from run to run. Each call runs twice: with `--json`, then without,
as people see it when it is finished already. It takes about four minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.golden_calls import Call, calls
from tests.support.golden_trees import differences, read_tree
from tests.support.planted_models import write_planted_models

N_LINES, WIDTH = 16, 160
"""Of a difference, as printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, print; 1 where anything differs."""
    given = _parser().parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="golden-"))
    write_planted_models(work / "models")
    folders = [work / "old", work / "new"]
    for call in calls("../models"):
        if given.only and call.name not in given.only:
            continue
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as both:
            list(both.map(run_call, [call, call], [given.old, given.new], folders))
        print(f"{call.name}: {time.perf_counter() - start:.0f} s", flush=True)
    found = differences(*(read_tree(folder, left_aside=given.ignore) for folder in folders))
    for name, lines in found.items():
        print(f"\n{name}", *(line[:WIDTH] for line in lines[:N_LINES]), sep="\n  ")
    if found:
        print(f"\n{len(found)} files differ; all are in {work}")
        return 1
    print("equal")
    shutil.rmtree(work)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.golden", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("old", type=Path, help="a checkout, such as a git worktree")
    parser.add_argument("new", type=Path, help="another one")
    parser.add_argument("--ignore", action="append", default=[], metavar="PATTERN", help="leave files aside")
    names = [call.name for call in calls("")]
    parser.add_argument("--only", action="append", choices=names, help="this call; compare and report need run too")
    return parser


def run_call(call: Call, checkout: Path, folder: Path) -> None:
    """Run a call with the program of a checkout; what it prints and its exit code are files beside its results."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWA_")}
    folder.mkdir(exist_ok=True)
    for suffix, words in (("json", ["--json"]), ("txt", [])):
        done = subprocess.run(
            [sys.executable, "-m", "swa", *call.command_line, *words],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(checkout.resolve()), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
        )
        (folder / f"{call.name}.{suffix}").write_bytes(done.stdout)
        (folder / f"{call.name}.{suffix}.err").write_bytes(done.stderr + f"exit code {done.returncode}\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())

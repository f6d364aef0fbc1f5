"""The shell examples run as they are written, on a tiny model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.tiny_checkpoint import write_tiny_checkpoint

ROOT = Path(__file__).parents[2]


def test_detect_example(tmp_path: Path) -> None:
    model = tmp_path / "model"
    write_tiny_checkpoint(model)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RESULTS": str(tmp_path / "results"),
    }
    done = subprocess.run(
        [ROOT / "examples/detect.sh", model, "--dataset", "builtin", "--screen-top", "3", "--quiet"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "planted" in done.stdout.lower()
    assert "run_config.json: ok, 1 record" in done.stdout

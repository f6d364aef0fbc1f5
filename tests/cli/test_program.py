"""The program as a process: help, exit codes, streams."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import run_swa
from tests.support.artifacts import save_everything

COMMANDS = ("run", "detect", "evaluate", "vocab", "cascade", "report", "compare", "doctor", "schema", "validate")


def test_without_a_command_it_shows_its_help():
    done = run_swa()
    assert done.returncode == 0
    assert done.stderr == ""
    assert all(f"  {command}" in done.stdout for command in COMMANDS)


MODELS = {"torch", "transformers", "datasets", "lm_eval"}
"""What models need."""


def loading_little(words: list[str], *, heavy: set[str]) -> list[str]:
    """What the program prints, where it loads nothing heavy."""
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['swa', *{words!r}]\n"
        "try:\n    runpy.run_module('swa', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip().splitlines()


@pytest.mark.parametrize("command", [(), *((command,) for command in COMMANDS)], ids=" ".join)
def test_every_help_page_ends_with_examples_and_loads_little(command):
    lines = loading_little([*command, "--help"], heavy=MODELS | {"matplotlib", "rich", "numpy", "swa.schemas.base"})
    examples = lines[lines.index("Examples:") + 1 :]
    assert 2 <= len(examples) <= 3
    assert all(line.startswith("  swa ") for line in examples)
    if command == ("detect",):
        where = lines.index("Code from the checkpoint:")  # a section of its own
        assert lines[where + 1].startswith("  --trust-remote-code ")


def test_version_loads_little():
    assert loading_little(["--version"], heavy=MODELS | {"rich", "numpy", "swa.schemas.base"})[0].startswith("swa 0.")


@pytest.mark.parametrize("command", ["report", "compare"])
def test_pages_from_saved_records_need_no_model(command, tmp_path):
    save_everything(tmp_path)
    loading_little([command, str(tmp_path), "--output", str(tmp_path / "pages"), "--json"], heavy=MODELS)
    assert len(list((tmp_path / "pages").iterdir())) >= 2


def test_help_does_not_read_settings(tmp_path):
    env = {"SWA_SEED": "x", "SWA_CONFIG": str(tmp_path / "none.toml")}
    assert run_swa("detect", "--help", env=env).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["detct"], 2, "Did you mean 'detect'?"),
        (["--bogus"], 2, "--bogus"),
        (["detect", "--sede", "1"], 2, "--seed"),
        (["detect", "--json", "--jsonl"], 2, "--jsonl"),
        (["detect", "./nothing"], 3, "./nothing"),
        (["detect", "demo", "--dataset", "./nothing.txt"], 3, "nothing.txt"),
        (["evaluate"], 2, "No model"),
        (["evaluate", "demo", "--accuracy-tasks", "helaswag"], 2, "hellaswag"),
        (["evaluate", "demo", "--super-weights", "L1"], 2, "'L1'"),
        (["evaluate", "demo", "--skip-accuracy", "--skip-perplexity"], 2, "nothing to measure"),
        (["schema", "SuperWait"], 2, "SuperWeight"),
        (["validate", "nothing.json"], 2, "nothing.json"),
        (["validate"], 2, "FILE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_known_errors(words, code, says, tmp_path):
    done = run_swa(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) <= 2
    assert says in done.stderr
    assert not {"╭", "│", "\x1b"} & set(done.stderr)


def test_debug_shows_where_it_happened(tmp_path):
    done = run_swa("detect", "./nothing", cwd=tmp_path, env={"SWA_DEBUG": "1"})
    assert done.returncode == 3
    assert "Traceback" in done.stderr


def test_schemas():
    names = run_swa("schema").stdout.split()
    assert {"SuperWeight", "DetectionResult", "NeuronCard", "CommandResult"} <= set(names)
    schema = json.loads(run_swa("schema", "SuperWeight").stdout)
    assert "coordinate" in schema["properties"]


def test_validate(tmp_path):
    good = {"record": "NeuronCard", "model": "m", "layer": 1, "neuron": 2, "expert": None, "label": "prediction"}
    good |= {"moments": {"var": 1.0, "skew": 0.0, "kurt": 3.0}, "top_tokens_up": [], "top_tokens_down": []}
    good |= {"percentiles": {"var": 1.0, "kurt": 2.0}}
    path = tmp_path / "cards.jsonl"
    path.write_text(json.dumps(good) + "\n" + json.dumps({**good, "layer": "1"}) + "\n")
    done = run_swa("validate", "cards.jsonl", cwd=tmp_path)
    assert done.returncode == 6
    assert done.stdout.startswith("cards.jsonl:2: layer")
    path.write_text(json.dumps(good) + "\n")
    done = run_swa("validate", "cards.jsonl", "--record", "NeuronCard", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_swa("validate", "cards.jsonl", "--record", "SuperWeight", cwd=tmp_path).returncode == 6


def test_a_reader_that_goes_away_is_no_failure():
    program = subprocess.Popen(
        [sys.executable, "-m", "swa", "schema", "DetectionResult"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait() == 128 + signal.SIGPIPE


def test_characters_that_the_terminal_lacks(tmp_path):
    done = run_swa("detect", "./modèle", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 3
    assert "mod" in done.stderr


def _opened(pipe):
    """Open a named pipe for writing as soon as another process reads it."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.1)
    pytest.fail("The pipe is not read.")


def test_ctrl_c_is_130(tmp_path):
    """A named pipe as configuration blocks the program until it is interrupted."""
    pipe = tmp_path / "text.toml"
    os.mkfifo(pipe)
    program = subprocess.Popen(
        [sys.executable, "-m", "swa", "detect", "--config", "text.toml"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # in the background of a script Ctrl-C is ignored, and what it starts inherits that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    writer = _opened(pipe)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    os.close(writer)
    assert program.returncode == 130
    assert err.startswith("Error: Interrupted.")

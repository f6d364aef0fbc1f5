"""The log of a run: nothing of a run that finds its work done, everything of one that works or fails."""

from __future__ import annotations

import logging

import pytest

from swa.runs.driver.log import RunLog, run_log
from swa.store.atomic import WriteError


def test_a_log_holds_what_was_said_before_it_was_kept(tmp_path):
    with run_log(tmp_path / "log") as log:
        logging.getLogger("swa").info("early")
        assert not (tmp_path / "log").exists()
        log.keep()
        logging.getLogger("swa").info("late")
        assert "late" in (tmp_path / "log").read_text()
    assert "early" in (tmp_path / "log").read_text()


def test_a_discarded_log_is_no_file(tmp_path):
    with run_log(tmp_path / "log") as log:
        log.discard()
        logging.getLogger("swa").info("nothing")
    assert not (tmp_path / "log").exists()


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    log = RunLog(tmp_path / "none" / "log")
    log.keep()
    with pytest.raises(WriteError):
        log.handle(logging.makeLogRecord({"msg": "a line"}))

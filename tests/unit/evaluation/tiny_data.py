"""Tiny local copies of data sets, and a model that answers by the hash of the question."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from lm_eval.api.model import LM

from swa.progress import SilentProgress


def write_parquet(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def arc_rows(split: str, n: int) -> list[dict]:
    return [
        {
            "id": f"{split}-{i}",
            "question": f"What is number {i} of {split}?",
            "choices": {"text": ["this", "that", "nothing", f"{i}"], "label": ["A", "B", "C", "D"]},
            "answerKey": "ABCD"[i % 4],
        }
        for i in range(n)
    ]


def arc_copy(data_dir: Path, *, config: str = "ARC-Easy", **sizes: int) -> Path:
    """A local copy of ai2_arc with so many rows in each split."""
    for split, n in sizes.items():
        write_parquet(data_dir / "ai2_arc" / config / f"{split}-00000-of-00001.parquet", arc_rows(split, n))
    return data_dir


class Notes(SilentProgress):
    """Keeps what is said, and how far bars went."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, message: str) -> None:
        self.said.append(message)


class HashLM(LM):
    """Answers every request by its hash: different everywhere, the same on every call."""

    def __init__(self, salt: str = "") -> None:
        super().__init__()
        self.salt = salt

    def _number(self, request) -> int:
        text = json.dumps([self.salt, *request.args], sort_keys=True)
        return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)

    def loglikelihood(self, requests, disable_tqdm=False):
        return [(-(self._number(r) % 40001) / 1000, self._number(r) % 3 == 0) for r in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [-float(len(r.args[0])) - (self._number(r) % 1001) / 7 for r in requests]

    def generate_until(self, requests, disable_tqdm=False):
        wrong = [" The result is 7.", "#### 12", "none of these 3 or 4", ""]
        return [f" {r.doc['answer']}" if self._number(r) % 2 else wrong[self._number(r) % 4] for r in requests]

    def answers(self, leaf):
        requests = leaf.requests
        return getattr(self, requests[0].request_type)(requests)

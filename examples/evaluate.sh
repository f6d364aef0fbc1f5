#!/usr/bin/env bash
# Detect, measure what each super weight costs, and list it. Arguments: MODEL [more options of swa evaluate].
#   examples/evaluate.sh demo --dataset builtin --accuracy-tasks builtin
set -euo pipefail

results="${RESULTS:-results/example}"

swa evaluate "$@" --results-dir "$results"
swa validate "$results"/*/data/analysis_*.json "$results"/*/data/items/*.jsonl

# perplexity ratio with its interval, and the accuracy drop of every task, by variant
python - "$results" <<'PYTHON'
import json
import sys
from pathlib import Path

for path in sorted(Path(sys.argv[1]).glob("*/data/analysis_*.json")):
    analysis = json.loads(path.read_text())
    for record in [*analysis["individual"], *analysis["combined"]]:
        seen = record.get("perplexity", {})
        print(record["variant"], seen.get("ratio"), seen.get("ratio_ci_2.5"), seen.get("ratio_ci_97.5"), sep="\t")
        for task, impact in record.get("accuracy", {}).items():
            print(record["variant"], task, impact["drop"], impact.get("mcnemar_p"), sep="\t")
PYTHON

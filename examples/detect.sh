#!/usr/bin/env bash
# Detect, check the records, and list what removal confirmed. Arguments: MODEL [more options of swa detect].
#   examples/detect.sh demo --dataset builtin
set -euo pipefail

results="${RESULTS:-results/example}"

swa doctor "$1"
swa detect "$@" --results-dir "$results"
swa validate "$results"/*/data/*.json* "$results"/*/run_config.json

# coordinate, loss and interval of every confirmed super weight, the worst first
python - "$results" <<'PYTHON'
import json
import sys
from pathlib import Path

for path in Path(sys.argv[1]).glob("*/data/super_weights.jsonl"):
    for line in path.read_text().splitlines():
        weight = json.loads(line)
        seen = weight.get("confirmation", {})
        if seen.get("confirmed"):
            print(weight["coordinate"], seen["delta_loss"], seen["ci_2.5"], seen["ci_97.5"], sep="\t")
PYTHON

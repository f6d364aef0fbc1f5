#!/usr/bin/env bash
# Detect, measure what each super weight does to predictions, and list it. Arguments: MODEL [more options of swa vocab].
#   examples/vocab.sh demo --dataset builtin --tokens 4000
set -euo pipefail

results="${RESULTS:-results/example}"

swa detect "$1" --dataset "${DATASET:-builtin}" --results-dir "$results"
swa vocab "$@" --enable-cascade --output-dir "$results" # finds the detection there
swa validate "$results"/*/metrics/*/*.jsonl "$results"/*/run_config.json "$results"/*.json

# change of the loss without the scalar and without control scalars, then the tokens that gain
python - "$results" <<'PYTHON'
import json
import sys
from pathlib import Path

for path in sorted(Path(sys.argv[1]).glob("*/metrics/super_weights/super_weights.jsonl")):
    for line in path.read_text().splitlines():
        card = json.loads(line)
        control = card["controls"]["random_coord_delta"]["loss"]
        print(card["coordinate"], card["deltas"]["loss"], control, sep="\t")
        print(*(repr(token["str"]) for token in card["token_shifts"]["up"][:5]), sep="\t")
PYTHON

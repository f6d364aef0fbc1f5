#!/usr/bin/env bash
# Detect, measure what each super weight does to predictions, and list it. Arguments: MODEL [more options of swa vocab].
#   examples/vocab.sh demo --dataset builtin --tokens 4000
set -euo pipefail

results="${RESULTS:-results/example}"

swa detect "$1" --dataset "${DATASET:-builtin}" --results-dir "$results"
swa vocab "$@" --enable-cascade --output-dir "$results" # finds the detection there
swa validate "$results"/*/metrics/*/*.jsonl "$results"/*/run_config.json "$results"/*.json

# change of the loss without the scalar, without control scalars, and the tokens that gain; "Infinity" is no number
jq -r 'select((.deltas.loss | type) == "number")
    | [.coordinate, .deltas.loss, .controls.random_coord_delta.loss, (.token_shifts.up[:5] | map(.str))]
    | map(tostring) | join("\t")' "$results"/*/metrics/super_weights/super_weights.jsonl

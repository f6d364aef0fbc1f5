#!/usr/bin/env bash
# Report on saved artifacts, and compare two detections of one model: once with both screens, once with spikes alone.
# Without arguments: on those of examples/artifacts, which `swa run demo` and `swa detect demo` wrote. No model is needed.
#   examples/report.sh results
set -euo pipefail

artifacts="$(dirname "$0")/artifacts"
results="${RESULTS:-results/example}"

swa report "${1:-$artifacts/both-screens}" --output "$results"
swa compare "${1:-$artifacts}" --output "$results/comparison"
swa validate "$results/comparison/comparison.json"

# which coordinates only one of the runs confirmed, with their Δ loss in each run that measured it
jq -r '.agreements[] | .differing as $d | .delta_losses | to_entries[] | select($d[.key]) | [.key, (.value | add)] | @tsv' \
    "$results/comparison/comparison.json"

#!/usr/bin/env bash
# Detect in a mixture of experts with causal scores, evaluate, and list how experts are used. Arguments: MODEL [more
# options of swa detect].
#   examples/moe.sh Qwen/Qwen1.5-MoE-A2.7B --dataset builtin
set -euo pipefail

results="${RESULTS:-results/example}"

swa detect "$@" --enable-causal-scoring --results-dir "$results"
swa evaluate "$1" --dataset "${DATASET:-builtin}" --skip-accuracy --all-candidates --results-dir "$results" --quiet
swa validate "$results"/*/data/*.json* "$results"/*/run_config.json

# routing of each layer, then every scalar of an expert with its scores and the perplexity ratio without it
python - "$results" <<'PYTHON'
import json
import sys
from pathlib import Path

for path in sorted(Path(sys.argv[1]).glob("*/data/analysis_*.json")):
    analysis = json.loads(path.read_text())
    detection = json.loads(max(path.parent.glob("detection_*.json")).read_text())
    for layer in detection["routing"]:
        used = sum(tokens > 0 for tokens in layer["n_routed_tokens"])
        print(f"layer {layer['layer']}", f"{used}/{layer['n_experts']} experts used", layer["load_variation"], sep="\t")
    ratios = {tuple(one["coordinates"]): one["perplexity"]["ratio"] for one in analysis["individual"]}
    for weight in detection["super_weights"]:
        block = weight.get("moe", {})
        if "impact_natural" in block:
            scores = (block["p_active"], block.get("co_spike_score"))
            impacts = (block["impact_natural"], block.get("impact_interventional"))
            print(weight["coordinate"], *scores, *impacts, ratios.get((weight["coordinate"],)), sep="\t")
PYTHON

"""How often the quick audit accuses honest systems, on generated listeners with and without a relation between EEG and sound.

    python docs/results/audit/false_alarms.py FOLDER

Every seed is another experiment: other listeners, other sounds. FOLDER takes data, stores and, seed by seed, false_alarms.jsonl,
which a second call continues. The table is printed. About 15 minutes of processor time.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from scipy.stats import beta

from mindleaf.datasets.synthesis.settings import preset
from mindleaf.datasets.synthetic import write_synthetic
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.prepare import prepare
from mindleaf.stages.question import EvaluateConfig

#: Seeds with a relation and without; both are the tiny preset with more listeners and trials. Eight trials balance talker and side
#: within each listener; with six, whoever recognises the listener knows the side in four of six.
SEEDS = {True: range(30), False: range(100, 120)}
SIZE = {"n_subjects": 4, "n_trials": 8, "trial_s": 15.0, "sfreq": 64}
SYSTEMS = ("trf", "bandpower_lr")
ASKED = EvaluateConfig(
    task="attention", protocol="between_trial", windows_s=(2.0,), settings=("protocol.n_folds=4",), floor=False
)
WORDS = {True: "with a relation", False: "without any"}


def audited(folder: Path, seed: int, relation: bool) -> dict:
    """Status of every row of both systems, and their scores, on one experiment."""
    place = folder / f"{'relation' if relation else 'none'}-{seed:03d}"
    write_synthetic(place / "data", preset("tiny").model_copy(update=SIZE | {"relation": relation}), seed)
    prepare("synthetic", place / "data", place / "store", quiet=True)
    systems = evaluate(ASKED, place / "store", SYSTEMS, place / "out", quiet=True).to_json()["systems"]
    rows = {s["name"]: {row["control"]: [row["status"], row["observed"]] for row in s["audit"]} for s in systems}
    scores = {s["name"]: s["metrics"]["accuracy"]["mean"] for s in systems}
    return {"seed": seed, "relation": relation, "scores": scores, "rows": rows}


def upper(n_false: int, n: int) -> float:
    """Upper end of the 95 % interval of a rate (Clopper and Pearson)."""
    return 1.0 if n_false == n else float(beta.ppf(0.975, n_false + 1, n - n_false))


def print_table(found: list[dict]) -> None:
    print("| data | system | experiments | score, lowest to highest | rows | skipped | failed | at most (95 %) | failed rows |")
    print("|---|---|---|---|---|---|---|---|---|")
    for relation in SEEDS:
        for name in SYSTEMS:
            part = [line for line in found if line["relation"] == relation]
            statuses = [(control, status) for line in part for control, (status, _) in line["rows"][name].items()]
            counts = Counter(status for _, status in statuses)
            failed = Counter(control for control, status in statuses if status == "fail")
            scores = [line["scores"][name] for line in part]
            print(
                f"| {WORDS[relation]} | {name} | {len(part)} | {min(scores):.2f} to {max(scores):.2f} | {len(statuses)} "
                f"| {counts['skipped']} | {counts['fail']} | {upper(counts['fail'], len(statuses)):.1%} "
                f"| {', '.join(f'{control} {n}' for control, n in failed.items()) or 'none'} |"
            )


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "false_alarms.jsonl"
    found = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    known = {(line["relation"], line["seed"]) for line in found}
    # Both kinds by turns, so that what is there at any time can be looked at.
    for relation, seed in sorted(((r, s) for r in SEEDS for s in SEEDS[r]), key=lambda one: (one[1] % 100, one)):
        if (relation, seed) not in known:
            found.append(audited(folder, seed, relation))
            with kept.open("a") as file:
                file.write(json.dumps(found[-1]) + "\n")
    print_table(found)


if __name__ == "__main__":
    main()

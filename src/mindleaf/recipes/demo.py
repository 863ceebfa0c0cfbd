"""demo: the whole road on generated two-talker recordings, in minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from mindleaf.config import Config
from mindleaf.datasets.synthesis.settings import preset
from mindleaf.datasets.synthetic import write_synthetic
from mindleaf.evaluation.result import Result
from mindleaf.protocols import write_folds
from mindleaf.recipes.mindmix import alignment, pretraining
from mindleaf.stages.align import AlignStage, align
from mindleaf.stages.evaluate import evaluate
from mindleaf.stages.finetune import finetune
from mindleaf.stages.prepare import prepare
from mindleaf.stages.pretrain import PretrainStage, pretrain
from mindleaf.stages.progress import bar, console
from mindleaf.stages.question import EvaluateConfig, folds_of

_NOTE = (
    "Generated recordings in the EASY setting: the simulated brain follows the attended talker several times more clearly than "
    "real EEG does, so that every stage can be seen at work in minutes. Expect far less on real recordings."
)


class DemoConfig(Config):
    """Sizes that let all stages finish within five minutes on two cores."""

    synthetic: str = "easy"
    n_subjects: int = 6
    n_trials: int = 8
    trial_s: float = 60.0
    pretrain_steps: int = 80
    align_steps: int = 120
    finetune_steps: int = 30
    windows_s: tuple[float, ...] = (2.0, 5.0, 10.0)


def run_demo(out: Path, settings: tuple[str, ...] = (), seed: int = 0, quiet: bool = False) -> Path:
    """Generate, prepare, pretrain, align, fine-tune, evaluate, audit; returns the path of the report.

    One fold of leave_one_stimulus_out: every trial of the held-out stories is test, no stage sees them.
    """
    config = DemoConfig().with_settings(settings)
    tell, began = console(quiet), time.perf_counter()

    def stage(title: str) -> None:
        tell.print(f"[bold]{time.perf_counter() - began:6.1f} s[/]  {title}")

    sizes = {"n_subjects": config.n_subjects, "n_trials": config.n_trials, "trial_s": config.trial_s}
    synthetic = preset(config.synthetic).model_copy(update=sizes)
    stage("1 · generate two-talker recordings (BIDS)")
    with bar("generate", None, quiet) as advance:
        write_synthetic(out / "data", synthetic, seed, lambda *_: advance())
    stage("2 · prepare: files to store")
    store_path = out / "store"
    store = prepare("synthetic", out / "data", store_path, ("mindmix",), quiet=quiet)
    question = EvaluateConfig(
        task="attention", protocol="leave_one_stimulus_out", windows_s=config.windows_s, seed=seed, notes=(_NOTE,),
        settings=("protocol.n_folds=4", "protocol.only=[0]", *_finetuning(config)), train_window_s=2.0,
    )  # fmt: skip
    split = out / "split.json"
    write_folds(split, folds_of(question, store), protocol=question.protocol, seed=seed)
    stage("3 · pretrain the EEG encoder (codes, spectra)")
    pretrained = pretrain(_pretraining(config, seed), [store_path], out / "pretrain", split=split, resume=True, quiet=quiet)
    stage("4 · align EEG with audio (CALRA, all pairs)")
    aligned = align(_alignment(config, seed), [store_path], out / "align", pretrained, splits=[split], resume=True, quiet=quiet)
    stage("5 · fine-tune for attention inside the fold")
    tuned = finetune("mindmix", (), question, store_path, out / "finetune", aligned, resume=True, quiet=quiet)
    stage("6 · evaluate and audit beside the linear floor")
    result = evaluate(question, store_path, [str(tuned)], out, quiet=quiet)
    for line in _held_out(result):
        tell.print(line)
    stage("done")
    return out / "report.html"


def _held_out(result: Result) -> Iterator[str]:
    """What was held out, and each score with its interval over trials."""
    test = result.folds[0].test
    yield f"held out: {len(test)} trials, stimuli {', '.join(result.folds[0].groups_test)}"
    for system in result.to_json()["systems"]:
        metric = system["metrics"].get("accuracy")
        if metric:
            low, high = metric["ci95_trials"]
            yield f"{system['name']}, {system['window_s']:g} s: {metric['mean']:.3f}, 95 % interval over trials {low:.3f} … {high:.3f}, chance .5"


def _pretraining(config: DemoConfig, seed: int) -> PretrainStage:
    return pretraining("mindmix-tiny", seed).with_settings([f"training.steps={config.pretrain_steps}", "training.batch_size=32"])


def _alignment(config: DemoConfig, seed: int) -> AlignStage:
    return alignment("mindmix-tiny", seed).with_settings(
        [
            f"listener.training.steps={config.align_steps}",
            "listener.training.batch_size=32",
            "listener.training.optimiser.lr=0.001",
        ]
    )


def _finetuning(config: DemoConfig) -> tuple[str, ...]:
    return (
        f"mindmix.training.steps={config.finetune_steps}",
        "mindmix.training.batch_size=32",
        "mindmix.training.validate_every=10",
        "mindmix.training.optimiser.lr=0.0003",
    )

"""The suites of ``mindleaf benchmark``: which questions, of which systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.protocols import PROTOCOLS
from mindleaf.recipes import mindmix_tables
from mindleaf.recipes.leaf_figures import PAPER
from mindleaf.stages.benchmark import BenchmarkConfig, Question, Suite, answers
from mindleaf.stages.benchmark_page import page
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.reproduce import refuse_settings
from mindleaf.systems import SYSTEMS
from mindleaf.tasks.task import able_tasks

_LEAKY = "random_windows"
#: Subjects from which on whole subjects are held out; with fewer, whole trials are.
_FEWEST_SUBJECTS = 4
_LEAKY_BESIDE = (
    "Every question is asked twice: with whole subjects, stimuli or trials held out, and with random windows of all subjects, which puts windows of one "
    "trial on both sides and is LEAKY. What a system loses from the one to the other is what leaking was worth."
)
_AUDITORY = ("sparrkulee", "av_gc_aad")
#: Small enough to be trained in seconds.
_QUICK = ("trf", "cca", "bandpower_lr", "csp_lda", "mdm", "ts_lr", "mindmix", "mindmix_eeg")


def quick(at_hand: DataAtHand) -> Suite:
    questions = _both("synthetic", "attention", "between_trial")
    return Suite("Quick: generated listeners", questions, _QUICK, (_LEAKY_BESIDE,))


def local(at_hand: DataAtHand) -> Suite:
    """Whatever the folder holds: each data set is asked what it can answer."""
    names = [name for name in at_hand.names if name != "synthetic"]
    if not names:
        raise BadInput(
            "the suite local wants --data with a folder for each data set or prepared store, found none; see mindleaf prepare."
        )
    questions = [question for name in names for question in _able(at_hand, name)]
    return Suite("Local: the data at hand", questions, tuple(SYSTEMS), (_LEAKY_BESIDE,))


def mindmix(at_hand: DataAtHand) -> Suite:
    """The questions of Tables 2, A5, A7 and A8 whose data are at hand, without the published values."""
    tables = [mindmix_tables.TABLES[name](at_hand) for name in ("table2", "tableA5", "tableA7", "tableA8")]
    blocks = [block for table in tables for block in table.blocks]
    here = [b for b in blocks if b.dataset in at_hand and (not b.test_dataset or b.test_dataset in at_hand)]
    questions = [Question(b.dataset, b.task, b.protocol, b.windows_s, b.settings, b.test_dataset) for b in here]
    systems = dict.fromkeys(entrant.system for table in tables for entrant in table.entrants if entrant.system in SYSTEMS)
    return Suite("MindMix: Tables 2, A5, A7, A8", list(dict.fromkeys(questions)), tuple(systems))


def leaf(at_hand: DataAtHand) -> Suite:
    """The data sets of LEAF's Figure 2 that are at hand, subjects held out where there are enough of them."""
    names = [name for name in PAPER if name in at_hand]
    if not names:
        raise BadInput(
            "the suite leaf wants --data with data sets of LEAF (eegmat, openbmi, ...), found none; see mindleaf data list."
        )
    questions = [question for name in names for question in _asked(at_hand, name, "classify")]
    return Suite("LEAF: the data sets of Figure 2", questions, _answering("labels"), (_LEAKY_BESIDE,))


def auditory(at_hand: DataAtHand) -> Suite:
    """Match or mismatch, and attention, on the honest auditory sets and on whatever else at hand can be asked."""
    names = dict.fromkeys(
        (*(name for name in _AUDITORY if name in at_hand), *at_hand.able("match_mismatch"), *at_hand.able("attention"))
    )
    questions = [
        question
        for name in names or ("synthetic",)
        for task in ("match_mismatch", "attention")
        if task in able_tasks(at_hand.store(name).windows(1.0))
        for question in _asked(at_hand, name, task)
    ]
    return Suite("Auditory: match-mismatch and attention", questions, tuple(SYSTEMS), (_LEAKY_BESIDE,))


SUITES: dict[str, Callable[[DataAtHand], Suite]] = {
    "quick": quick, "local": local, "mindmix": mindmix, "leaf": leaf, "auditory": auditory,
}  # fmt: skip


def suite(name: str, at_hand: DataAtHand) -> Suite:
    """The suite of that name for the data at hand; raises BadInput listing those there are."""
    if name not in SUITES:
        raise BadInput(f"suite {name!r} is not known; there are: {', '.join(SUITES)}.")
    return SUITES[name](at_hand)


def _able(at_hand: DataAtHand, name: str) -> list[Question]:
    """Attention where there are candidates to choose from, else match or mismatch where there is sound, else classes."""
    able = able_tasks(at_hand.store(name).windows(1.0))
    hearing = [task for task in able if task in ("attention", "match_mismatch")][:1]
    feeling = [task for task in able if task == "emotion"]
    asked = hearing + feeling or [task for task in able if task.partition(":")[0] == "classify"][:1]
    return [question for task in asked for question in _asked(at_hand, name, task)]


def _asked(at_hand: DataAtHand, name: str, task: str) -> list[Question]:
    index = at_hand.store(name).index
    if index["trial"].nunique() == 1 and len(index) == 1:
        return [Question(name, task, "blocked")]
    if task == "emotion":
        return _both(name, task, "leave_one_stimulus_out")
    n_subjects = index["subject"].nunique()
    sound, n_groups = ("cross_subject", n_subjects) if n_subjects >= _FEWEST_SUBJECTS else ("between_trial", len(index))
    # As many folds as there are groups where the protocol would want more.
    few = n_groups < PROTOCOLS[sound]().n_folds  # type: ignore[attr-defined]
    return _both(name, task, sound, (f"protocol.n_folds={n_groups}",) if few else ())


def _both(name: str, task: str, sound: str, settings: tuple[str, ...] = ()) -> list[Question]:
    """The sound split, and random windows of all subjects together: what both train on differs in nothing but the leak."""
    return [Question(name, task, sound, settings=settings), Question(name, task, _LEAKY, settings=("protocol.scope=pooled",))]


def _answering(asks: str) -> tuple[str, ...]:
    return tuple(name for name, entry in SYSTEMS.items() if asks in entry.asks)


def _only(suite: Suite, models: tuple[str, ...]) -> Suite:
    """The suite asked of these systems alone; one's own classes take part beside them."""
    unknown = [model for model in models if model not in suite.systems and ":" not in model]
    if unknown:
        raise BadInput(f"--model {unknown[0]}: no system of this suite ({', '.join(suite.systems)}), nor package.module:Class.")
    return replace(suite, systems=tuple(dict.fromkeys(models))) if models else suite


def benchmarked(
    name: str, data: Path | None, out: Path, config: BenchmarkConfig, models: tuple[str, ...] = (), quiet: bool = False
) -> Path:
    """Answer the suite and write table.json, table.md and report.html into ``out``; returns the path of the report.

    models: the systems that are asked; all of the suite where none is named.
    Raises BadInput for an unknown suite or system, data that cannot be prepared, and settings of systems that take no part.
    """
    generator = tuple(s for s in config.settings if s.startswith("synthetic."))
    own = config.model_copy(update={"settings": tuple(s for s in config.settings if s not in generator)})
    at_hand = DataAtHand(data, out, generator, config.seed, quiet)
    asked = _only(suite(name, at_hand), models)
    refuse_settings(
        [s for s in own.settings if s.partition(".")[0] not in {"protocol", *asked.systems}], {"protocol", *asked.systems}
    )
    return page(asked, answers(asked, at_hand, out / "cells", own, quiet), own).write(out)

"""Figures 2 to 5 of the LEAF paper, on the data sets at hand. The paper's numbers are in its pictures alone, so none stand beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.interpret.language import Scored, density_figure, evolution_figure, grouped_scores
from mindleaf.metrics.clusters import inter_class_distance, intra_class_variance, pair_densities, principal_plane
from mindleaf.recipes.leaf import finetuning
from mindleaf.stages.cells import outcome_of
from mindleaf.stages.instruction_conditions import CONDITIONS, Conditions, ask_in_every_way
from mindleaf.stages.question import EvaluateConfig, cutting, folds_of
from mindleaf.stages.reproduce import Asked, Block, Entrant, EvaluationTable, cell_of, fill_evaluations, refuse_settings
from mindleaf.tasks.wording import kind_of

#: The data sets of the paper, those it keeps for zero-shot last.
PAPER = (
    "openbmi", "bciciv2a", "shanghaiu", "bcic2020_upperlimb", "hgd", "cho2017", "shin2017a", "eegmmidb", "faced", "seed", "seediv",
    "seedv", "seedvii", "openbmi_ssvep", "bcic2020_speech", "eegmat", "adhd", "weibo2014", "dreyer2023",
)  # fmt: skip
_PROTOCOL, _METRIC = "cross_subject", "balanced_accuracy"
_FULL = "level 2: task and labels"
_SPLIT = "Split: cross-subject, whole subjects held out; one model is fitted in each fold. Intervals are over subjects, or trials where there are fewer than five."
_ONCE = "All conditions ask one and the same fitted model: training mixes the three levels in equal parts."
_TEST_ONLY = "Only windows of held-out subjects are shown."
_SCALED = "LEAF scales each recording by its own unlabelled signal, test windows included: transductive."
_GROUPS = (
    "Mean balanced accuracy over the data sets at hand of each kind of task, over how many is told in the table; chance dashed. "
    "No interval: it is a mean over data sets."
)
#: Kinds of task that are not written like common words.
_SPELT = {"ssvep": "SSVEP"}
_CONTROLS = "Balanced accuracy with 95 % intervals; chance dashed. A model that uses its instruction loses with a wrong one."
_DENSITIES = "Distances between two test windows of one fold, of one class or of two; the more the curves part, the better the classes lie apart."
_MEANS = "Variances and distances are means over the folds, each of which has a model, and so a space, of its own."
_EVOLUTION = "Mean query of each test window around the mean of all windows at that depth, on one principal plane. Before the first layer windows differ by their band power alone, or not at all where the model has no such path."
_CONDITION_COLUMNS = ("asked with", "balanced accuracy", "kappa", "95 % interval", "minus level 2 [95 %]")
_ENTRANTS = (
    Entrant("leaf", "LEAF", "leaf"),
    Entrant("mindmix", "MindMix", "mindmix"),
    Entrant("eegnet", "EEGNet", "mindmix", {"labels": ("model.encoder=eegnet", "model.power_filters=0")}),
    Entrant("ts_lr", "Tangent space + LR", "ts_lr"),
    Entrant("bandpower_lr", "Band power + LR", "bandpower_lr"),
)
_NO_VALUES = "The paper shows these numbers in a picture only, so none stand beside ours. The one clean number found: OpenBMI motor imagery, levels 0, 1, 2: .692, .731, .736."


def figure2(asked: Asked) -> Page:
    """Balanced accuracy of every system on each data set, and its mean over each kind of task."""
    kinds = {name: kind_of(asked.at_hand.store(name).facts.get("paradigm") or "") for name in _at_hand(asked)}
    kinds = {name: _SPELT.get(kind, kind) for name, kind in kinds.items()}
    blocks = [
        Block(name, "classify", _PROTOCOL, ((_METRIC, _METRIC),), (_window_s(asked, name),), published=False) for name in kinds
    ]
    page = fill_evaluations(EvaluationTable("LEAF, Figure 2: every system on every kind of task", blocks, _ENTRANTS, ()), asked)
    scores: dict[str, dict[str, list[float]]] = {}
    chances: dict[str, list[float]] = {}
    for block in blocks:
        for entrant in _ENTRANTS:
            entry = outcome_of(cell_of(block, entrant, asked), asked.out / "cells").at(block.windows_s[0])
            if entry is not None:
                metric = entry["metrics"][_METRIC]
                scores.setdefault(kinds[block.dataset], {}).setdefault(entrant.title, []).append(metric["mean"])
                chances.setdefault(kinds[block.dataset], []).append(metric["chance"])
    groups = {kind: {title: (float(np.mean(v)), np.nan, np.nan) for title, v in own.items()} for kind, own in scores.items()}
    chance = {kind: float(np.mean(values)) for kind, values in chances.items()}
    rows = tuple(
        (kind, title, f"{np.mean(values):.3f}", f"{chance[kind]:.3f}", str(len(values)))
        for kind, own in scores.items() for title, values in own.items()
    )  # fmt: skip
    title = "Mean over the data sets of each kind of task"
    sheet = Sheet(title, ("kind of task", "system", "balanced accuracy", "chance", "data sets"), rows)
    drawing = Drawing(title, grouped_scores(groups, chance, "leaf-figure2", "balanced accuracy"), _GROUPS)
    return Page(page.title, [sheet, *page.sheets], (_SPLIT, _NO_VALUES, *page.notes), [drawing, *page.drawings])


def figure3(asked: Asked) -> Page:
    """One model in each fold, told nothing, its task, or its task and labels; and the controls."""
    groups: dict[str, dict[str, Scored]] = {}
    chance: dict[str, float] = {}
    sheets = []
    for name, found in _asked_in_every_way(asked):
        told = {condition: found.metrics(condition, asked.seed) for condition in CONDITIONS}
        groups[name] = {c: (m[_METRIC]["mean"], *_ends(m[_METRIC]["ci95"])) for c, m in told.items()}
        chance[name] = told[_FULL][_METRIC]["chance"]
        against = found.differences(_FULL, asked.seed)
        rows = tuple(_condition_row(c, m, against.get(c)) for c, m in told.items())
        sheets.append(Sheet(name, _CONDITION_COLUMNS, rows, note=_note(told[_FULL][_METRIC])))
    drawing = Drawing("Instruction conditions", grouped_scores(groups, chance, "leaf-figure3", "balanced accuracy"), _CONTROLS)
    return Page("LEAF, Figure 3: what the instruction adds", sheets, (_SPLIT, _NO_VALUES, _ONCE, _SCALED), [drawing])


def figure4(asked: Asked) -> Page:
    """How the classes lie in the space of the texts under each instruction."""
    sheets, drawings = [], []
    for name, found in _asked_in_every_way(asked):
        embedded = {condition: found.embeddings(condition) for condition in list(CONDITIONS)[:3]}
        rows = tuple((c, *_over_folds(e)) for c, e in embedded.items())
        sheets.append(
            Sheet(name, ("instruction", "variance within classes", "distance between classes", "distance / spread"), rows)
        )
        drawings.append(
            Drawing(name, density_figure({c: pair_densities(e) for c, e in embedded.items()}, f"leaf-figure4-{name}"), _DENSITIES)
        )
    return Page(
        "LEAF, Figure 4: classes in the space of the texts", sheets, (_SPLIT, _ONCE, _TEST_ONLY, _MEANS, _SCALED), drawings
    )


def figure5(asked: Asked) -> Page:
    """The queries on their way through the Q-Former, for the test windows of the first fold."""
    sheets, drawings = [], []
    for name, found in _asked_in_every_way(asked):
        cell = found.runs[_FULL].cells[0]
        states = found.systems[cell.fold.name].under(**CONDITIONS[_FULL]).evolution(cell.test)
        labels, classes = cell.test.labels, cell.test.classes
        # Around the centre of each depth: what all windows have in common moves far more than they differ, and would hide it.
        plane, share = principal_plane(np.concatenate(list(states - states.mean(axis=1, keepdims=True))))
        rows = tuple(
            ("queries" if depth == 0 else f"layer {depth}", f"{intra_class_variance(s, labels):.4f}", f"{inter_class_distance(s, labels):.4f}")
            for depth, s in enumerate(states)
        )  # fmt: skip
        sheets.append(Sheet(name, ("depth", "variance within classes", "distance between classes"), rows))
        drawings.append(
            Drawing(
                name, evolution_figure(np.split(plane, len(states)), share, labels, classes, f"leaf-figure5-{name}"), _EVOLUTION
            )
        )
    return Page("LEAF, Figure 5: queries through the layers", sheets, (_SPLIT, _TEST_ONLY, _SCALED), drawings)


FIGURES = {"figure2": figure2, "figure3": figure3, "figure4": figure4, "figure5": figure5}


def _at_hand(asked: Asked) -> list[str]:
    """The data sets that can be asked for classes: those of the paper, then the user's own stores."""
    able = [name for name in PAPER if name in asked.at_hand]
    own = [name for name in asked.at_hand.able("classify") if name not in able and name != "synthetic"]
    if not (able or own):
        raise BadInput(
            "wanted a data set with classes in --data (eegmat, kalunga2016, your own store ...), found none; give the folder that holds one."
        )
    return able + own


def _window_s(asked: Asked, name: str) -> float:
    return cutting(EvaluateConfig(task="classify"), asked.at_hand.store(name))[1][0]


def _asked_in_every_way(asked: Asked) -> Iterator[tuple[str, Conditions]]:
    """Each data set with LEAF fitted and asked; one that cross-subject folds cannot serve is left out."""
    refuse_settings([s for s in asked.settings if s.partition(".")[0] not in ("leaf", "protocol")], {"leaf", "protocol"})
    settings = [s.removeprefix("leaf.") for s in asked.settings if s.startswith("leaf.")]
    theirs = tuple(s for s in asked.settings if s.startswith("protocol."))
    for name in _at_hand(asked):
        store = asked.at_hand.store(name)
        config = EvaluateConfig(task="classify", protocol=_PROTOCOL, seed=asked.seed, device=asked.device, settings=theirs)
        try:
            folds = folds_of(config, store)
        except BadInput:
            continue
        yield (
            name,
            ask_in_every_way(
                store,
                folds,
                config,
                [*finetuning("leaf-tiny", "labels"), f"training.device={asked.device}", *settings],
                keep=asked.out / "models",
            ),
        )


def _ends(interval: Sequence[float | None]) -> tuple[float, float]:
    low, high = interval
    return (np.nan if low is None else low, np.nan if high is None else high)


def _condition_row(condition: str, metrics: dict, against: dict | None) -> tuple[str, ...]:
    cells = [f"{metrics[name]['mean']:.3f}" for name in (_METRIC, "kappa")]
    low, high = _ends(metrics[_METRIC]["ci95"])
    if against is None:
        return (condition, *cells, f"{low:.3f} … {high:.3f}", "–")
    ends = _ends(against["ci95"])
    difference, first, last = (_signed(-value) for value in (against["difference"], ends[1], ends[0]))
    return (condition, *cells, f"{low:.3f} … {high:.3f}", f"{difference} [{first}, {last}]")


def _signed(value: float) -> str:
    """Three digits and a sign; nothing is less than nothing."""
    return f"{round(value, 3) + 0.0:+.3f}"


def _note(metric: dict) -> str:
    return f"Chance {metric['chance']:.3f}; intervals over {metric['n_units']} {metric['unit']}s."


def _over_folds(spaces: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[str, ...]:
    """Variance within classes, distance between them, and that in units of the spread: means over the folds."""
    found = np.array([(intra_class_variance(*space), inter_class_distance(*space)) for space in spaces])
    variance, distance = found.mean(axis=0)
    ratio = (found[:, 1] / np.maximum(1e-9, found[:, 0]) ** 0.5).mean()
    return f"{variance:.4f}", f"{distance:.4f}", f"{ratio:.3f}"

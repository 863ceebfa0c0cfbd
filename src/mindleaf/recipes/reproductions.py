"""Every table and figure of the papers that can be filled, by name: ``mindmix:table2``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Page
from mindleaf.recipes import leaf_figures, mindmix_facts, mindmix_figures, mindmix_tables
from mindleaf.stages.data_at_hand import DataAtHand
from mindleaf.stages.reproduce import Asked, EvaluationTable, fill_evaluations, refuse_settings


def _told(build: Callable[[DataAtHand], Page], asked: Asked) -> Page:
    refuse_settings(asked.settings, set())
    return build(asked.at_hand)


def _evaluated(build: Callable[[DataAtHand], EvaluationTable], asked: Asked) -> Page:
    return fill_evaluations(build(asked.at_hand), asked)


REPRODUCTIONS: dict[str, Callable[[Asked], Page]] = {
    **{f"mindmix:{name}": partial(_told, build) for name, build in mindmix_facts.PAGES.items()},
    **{f"mindmix:{name}": partial(_evaluated, build) for name, build in mindmix_tables.TABLES.items()},
    "mindmix:figure5": mindmix_figures.figure5,
    **{f"leaf:{name}": build for name, build in leaf_figures.FIGURES.items()},
}


def reproduced(
    name: str, data: Path | None, out: Path, settings: tuple[str, ...] = (), seed: int = 0, device: str = "auto", quiet: bool = False
) -> Path:  # fmt: skip
    """Fill the reproduction and write table.json, table.md and report.html into ``out``; returns the path of the report.

    settings: "SYSTEM.x=y" and "protocol.x=y" go to the evaluations, "synthetic.x=y" to the generator of the synthetic data.
    Raises BadInput for an unknown name or data that cannot be prepared.
    """
    if name not in REPRODUCTIONS:
        raise BadInput(f"reproduction {name!r} is not known; there are: {', '.join(REPRODUCTIONS)}.")
    generator = tuple(s for s in settings if s.startswith("synthetic."))
    at_hand = DataAtHand(data, out, generator, seed, quiet)
    own = tuple(s for s in settings if s not in generator)
    page = REPRODUCTIONS[name](Asked(at_hand, out, own, seed, device, quiet))
    page.notes = (*page.notes, _asked(settings, seed))
    return page.write(out)


def _asked(settings: tuple[str, ...], seed: int) -> str:
    """How this page was asked for; folders by their last name alone, since a page names no place on a person's disk."""
    given = ", ".join(_without_place(setting) for setting in settings) or "as they come"
    shortened = any(".training." in setting for setting in settings)
    warning = (
        " Training was changed by settings: these scores say what they give, not what the systems can do." if shortened else ""
    )
    return f"Settings: {given}. Seed {seed}, one run.{warning} mindleaf {version('mindleaf')}."


def _without_place(setting: str) -> str:
    name, _, value = setting.partition("=")
    kind, colon, place = value.rpartition(":")
    return f"{name}={kind}{colon}{Path(place).name}" if "/" in place else setting

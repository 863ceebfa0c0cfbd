"""Figure 5 of the MindMix paper: sound read back from aligned EEG, and where on the head the model listens."""

from __future__ import annotations

from dataclasses import replace

from mindleaf.errors import BadInput
from mindleaf.evaluation.sheets import Drawing, Page, Sheet
from mindleaf.protocols import BetweenTrial, write_folds
from mindleaf.recipes.mindmix import alignment
from mindleaf.recipes.mindmix_tables import published
from mindleaf.stages.align import align
from mindleaf.stages.explain import CIRCULAR, explained
from mindleaf.stages.reproduce import Asked, refuse_settings

_PRINTED, _OTHERS = ("kul", "dtu"), ("synthetic", "cocktail")
_COLUMNS = ("read back from", "correlation", "published")
_NOTES = (
    "The paper reads the mel spectrogram out of aligned embeddings that were made from EEG and this very sound together: its "
    "correlations (.91, .88) say nothing about EEG. Here the EEG's own frames are read, whole trials held out, beside a linear "
    "decoder; the circular form stands beside it, marked.",
    "One fold of four: a quarter of the trials is tested.",
)


def figure5(asked: Asked) -> Page:
    """Align inside one fold of whole trials on each data set at hand, then explain that RUN."""
    refuse_settings([s for s in asked.settings if not s.startswith("mindmix.")], {"mindmix"})
    sheets: list[Sheet] = []
    drawings: list[Drawing] = []
    values = {p.dataset: p.value for p in published("figure5")}
    for name in (name for name in (*_PRINTED, *_OTHERS) if name in asked.at_hand):
        sheet, own = _explained(name, values.get(name, "–"), asked)
        sheets.append(sheet)
        drawings += own
    absent = [name for name in _PRINTED if name not in asked.at_hand]
    sheets += [Sheet(name, _COLUMNS, ((CIRCULAR, "data not at hand", values[name]),)) for name in absent]
    return Page("MindMix, Figure 5: what the aligned EEG holds", sheets, _NOTES, drawings)


def _explained(name: str, printed: str, asked: Asked) -> tuple[Sheet, list[Drawing]]:
    store, folder = asked.at_hand.store(name), asked.out / name
    try:
        folds = BetweenTrial(n_folds=4, only=(0,)).folds(store.index, asked.seed)
    except BadInput as error:
        return Sheet(name, _COLUMNS, (("–", f"not applicable: {error}", printed),)), []
    folder.mkdir(parents=True, exist_ok=True)
    write_folds(folder / "split.json", folds, protocol="between_trial", seed=asked.seed, store=store.content_sha256)
    settings = [s.replace("mindmix.", "listener.", 1) for s in asked.settings if s.startswith("mindmix.")]
    config = alignment("mindmix-tiny", asked.seed, asked.device).with_settings(settings)
    run = align(config, [store.path], folder / "align", splits=[folder / "split.json"], resume=True, quiet=asked.quiet)
    page = explained(store.path, run, split=folder / "split.json", quiet=asked.quiet)
    page.write(folder / "explain")
    told = page.sheets[0]
    rows = tuple((*row, printed if row[0] == CIRCULAR else "–") for row in told.rows)
    title = f"{name}: {told.title}"
    own = [replace(drawing, title=title, caption=f"{drawing.title}. {drawing.caption}") for drawing in page.drawings]
    return Sheet(title, (*told.columns, "published"), rows, told.mark, told.note), own

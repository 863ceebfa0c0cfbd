"""search: a RUN of one space and a store -> its windows, to be asked in words."""

from __future__ import annotations

from pathlib import Path

from mindleaf.models.folder import LoadedModel, load_model
from mindleaf.stages.align_both import told_sounds
from mindleaf.store.store import Store
from mindleaf.systems.one_space import OneSpace, OneSpaceSettings
from mindleaf.systems.space_search import Space


def search(
    model: LoadedModel | str | Path, store: Store | str | Path, task: str = "classify", window_s: float | None = None
) -> Space:
    """The windows of a store in which a sound was heard, in the space of the model (``ml.search``).

    ``task`` names the label column that is shown beside the windows; labels take no part in the search. ``window_s``: seconds
    of a window; None: the data set's own analysis interval. Raises BadInput where the model is of another kind.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(Path(model))
    opened = store if isinstance(store, Store) else Store(store)
    return Space.of(OneSpace(OneSpaceSettings()).take(loaded), told_sounds(opened, task, window_s))

"""What evaluation asks of the things it is handed. It imports no system and no protocol: the stage passes them in."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mindleaf.store.examples import Examples

Asks = Literal["candidates", "labels"]


class System(Protocol):
    """Something that is fitted on training windows and scores the options of test windows."""

    name: str
    asks: Asks
    any_length: bool
    n_parameters: int

    def fit(self, train: Examples, validation: Examples, seed: int) -> None: ...

    def predict(self, examples: Examples) -> NDArray[np.floating]:
        """(n, K), higher is better; K candidates or classes."""
        ...

    def findings(self) -> dict: ...


class Task(Protocol):
    """What is asked of a window."""

    @property
    def name(self) -> str: ...

    @property
    def asks(self) -> Asks: ...

    @property
    def within_part(self) -> bool: ...

    def prepare(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame: ...

    def learned(self, windows: pd.DataFrame, seed: int) -> pd.DataFrame: ...

    def classes(self, windows: pd.DataFrame) -> tuple[str, ...]: ...

    def not_applicable(self, rows: pd.DataFrame, system_asks: Asks) -> str: ...

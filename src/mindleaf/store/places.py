"""Places: where windows lie in their recordings, as plain arrays. Taking some out of a table of many columns takes longer than reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Places:
    """recordings, trials: (n,) ids; starts, stops, ends: (n,) seconds from the recording's start, ``ends`` those of the trials."""

    recordings: NDArray[Any]
    trials: NDArray[Any]
    starts: NDArray[np.float64]
    stops: NDArray[np.float64]
    ends: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Places:
        """The places of a window table; a table without trials holds windows that are trials of their own."""
        stops = rows["stop"].to_numpy(np.float64)
        return cls(
            recordings=rows["recording"].to_numpy(object),
            trials=rows["trial"].to_numpy(object) if "trial" in rows else np.full(len(rows), "", object),
            starts=rows["start"].to_numpy(np.float64),
            stops=stops,
            ends=rows["trial_stop"].to_numpy(np.float64) if "trial_stop" in rows else stops,
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, ids: NDArray[np.integer] | slice) -> Places:
        return Places(self.recordings[ids], self.trials[ids], self.starts[ids], self.stops[ids], self.ends[ids])

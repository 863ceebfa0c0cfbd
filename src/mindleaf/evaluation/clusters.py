"""What an interval resamples: subjects where there are enough of them, else trials; never windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: From this many subjects on, the subject is the unit of every interval.
MIN_SUBJECTS = 5


def cluster_ids(rows: pd.DataFrame) -> tuple[NDArray[np.intp], str]:
    """Cluster number of each row and the unit's name: "subject" where there are at least five, else "trial"."""
    if rows[["dataset", "subject"]].drop_duplicates().shape[0] >= MIN_SUBJECTS:
        return np.asarray(rows.groupby(["dataset", "subject"], sort=True).ngroup(), dtype=np.intp), "subject"
    return trial_ids(rows), "trial"


def trial_ids(rows: pd.DataFrame) -> NDArray[np.intp]:
    """Number of the trial (dataset, recording, trial) each row belongs to."""
    return np.asarray(rows.groupby(["dataset", "recording", "trial"], sort=True).ngroup(), dtype=np.intp)

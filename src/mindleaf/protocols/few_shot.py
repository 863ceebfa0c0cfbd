"""Few shots: a handful of trials of the test subject to learn from, all its others to be tested on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from mindleaf.fold import SPAN_COLUMNS, Fold, Mark, spans
from mindleaf.protocols.grouping import draw, names_of, strata_of
from mindleaf.protocols.protocol import Protocol, Unable
from mindleaf.protocols.trials import given_away


class FewShot(Protocol):
    """``k`` trials of each class of the test subject are for training, its others are the test part; one fold a subject.

    k             trials (or windows) of each class
    unit          "trial"; or "window": a run of ``k`` windows in one trial of each class, for data with one trial a class.
                  The folds then carry the mark WITHIN-TRIAL
    from_others   the other subjects train, too, and some of them validate; otherwise the shots are all there is
    n_draws       draws of the shots, each a fold of its own ("sub-01/0")
    window_s, gap_s   with unit "window": length of a window, and seconds left out on both sides of the run
    interval      with unit "window": seconds of the trial that are used, None for all of it

    Subjects that lack k + 1 trials of a class are left out with a warning; refused where no subject is left.
    """

    name: ClassVar[str] = "few_shot"
    group: ClassVar[str] = "trial"
    k: int = Field(5, ge=1)
    unit: Literal["trial", "window"] = "trial"
    from_others: bool = False
    n_draws: int = Field(1, ge=1)
    window_s: float = Field(2.0, gt=0)
    gap_s: float = Field(1.0, ge=0)
    interval: tuple[float, float] | None = None

    def cut(self, table: pd.DataFrame, seed: int) -> Iterator[Fold]:
        subjects, classes = names_of(table, ["subject"]), strata_of(table, self.stratify)
        known = classes != "" if (classes != "").any() else classes == ""
        table, subjects, classes = (part[known].reset_index(drop=True) for part in (table, subjects, classes))  # type: ignore[assignment]
        names = sorted(subjects.unique())
        refused = {name: why for name in names if (why := self._refusal(name, table[subjects == name], classes))}
        if len(refused) == len(names):
            raise next(iter(refused.values()))
        if refused:
            warnings.warn(f"{self.name}: left out {', '.join(refused)}: {next(iter(refused.values()))}", stacklevel=3)
        for number, name in enumerate(names):
            for shot in range(self.n_draws if name not in refused else 0):
                fold_name = name if self.n_draws == 1 else f"{name}/{shot}"
                yield self._fold(fold_name, name, table, subjects, classes, (seed, number, shot))

    def _fold(
        self, fold_name: str, name: str, table: pd.DataFrame, subjects: pd.Series, classes: pd.Series, seed: Sequence[int]
    ) -> Fold:
        rng = np.random.default_rng(seed)
        cut = self._trials if self.unit == "trial" else self._windows
        cuts = [cut(table[(subjects == name) & (classes == kind)], rng) for kind in sorted(classes.unique())]
        train, test = (pd.concat([pair[k] for pair in cuts], ignore_index=True) for k in (0, 1))
        validation = table.iloc[:0][SPAN_COLUMNS]
        if self.from_others:
            others = table[subjects != name].reset_index(drop=True)
            theirs = subjects[subjects != name].reset_index(drop=True)
            watched = theirs.isin(draw(pd.Series("", sorted(theirs.unique())), self._n_watched(theirs), seed)).to_numpy()
            train = pd.concat([train, spans(others, np.flatnonzero(~watched))], ignore_index=True)
            validation = spans(others, np.flatnonzero(watched))
        mark: Mark = "" if self.unit == "trial" else "WITHIN-TRIAL"
        group = self.group if self.unit == "trial" else "block"
        return Fold(fold_name, train, validation, test, group, (name,), mark)

    def _n_watched(self, subjects: pd.Series) -> int:
        return self.n_validation(subjects.nunique(), subjects.nunique())

    def _trials(self, own: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        order = rng.permutation(len(own))
        return spans(own, np.sort(order[: self.k])), spans(own, np.sort(order[self.k :]))

    def _windows(self, own: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A run of k windows in one of the trials; what lies before and behind it, and all other trials."""
        usable = self._usable(own)
        long_enough = np.flatnonzero(usable["stop"] - usable["start"] >= self._least_s - 1e-6)
        row = usable.iloc[rng.choice(long_enough)]
        # At least one window remains behind the run.
        last = int((row["stop"] - row["start"] - self._least_s) / self.window_s + 1e-6)
        start = row["start"] + self.window_s * rng.integers(last + 1)
        stop = start + self.k * self.window_s
        run = row.to_frame().T[SPAN_COLUMNS].astype({"start": float, "stop": float})
        before, behind = run.assign(stop=start - self.gap_s), run.assign(start=stop + self.gap_s)
        rest = pd.concat([before, behind, usable[usable.index != row.name]], ignore_index=True)
        rest = rest[rest["stop"] - rest["start"] >= self.window_s - 1e-6]
        return run.assign(start=start, stop=stop), rest.reset_index(drop=True)

    def _usable(self, own: pd.DataFrame) -> pd.DataFrame:
        first, last = self.interval or (0.0, np.inf)
        return own[SPAN_COLUMNS].assign(start=own["start"] + first, stop=np.minimum(own["stop"], own["start"] + last))

    @property
    def _least_s(self) -> float:
        """The shortest trial that holds the run, its gap and one window to be tested on."""
        return (self.k + 1) * self.window_s + self.gap_s

    def _refusal(self, name: str, own: pd.DataFrame, classes: pd.Series) -> Unable | None:
        kinds = classes[own.index]
        if self.unit == "window":
            usable = self._usable(own)
            longest = (usable["stop"] - usable["start"]).groupby(kinds).max().reindex(sorted(classes.unique()), fill_value=0.0)
            if longest.min() >= self._least_s - 1e-6:
                return None
            return Unable(
                f"wanted a trial of at least {self._least_s:g} s of each class for {self.k} windows of {self.window_s:g} s, got "
                f"{max(longest.min(), 0):g} s of {longest.idxmin()!r} in {name}; lower protocol.k or take shorter windows."
            )
        counts = kinds.value_counts().reindex(sorted(classes.unique()), fill_value=0)
        if counts.min() > self.k:
            return given_away(name, own, kinds)
        mend = f"set protocol.k={counts.min() - 1}" if counts.min() > 1 else "set protocol.unit=window (marked WITHIN-TRIAL)"
        what = f"of {counts.idxmin()!r} " if counts.idxmin() else ""
        return Unable(
            f"wanted at least {self.k + 1} trials of each class in a subject, got {counts.min()} {what}in {name}; {mend}."
        )

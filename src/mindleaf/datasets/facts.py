"""What is known about a published collection: counts, labels, terms, and how its hours add up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Access = Literal["open", "registration", "agreement", "private", "generated"]


@dataclass(frozen=True)
class Archive:
    """A place from which the files may be fetched without an agreement.

    id      "eegmat/1.0.0" (physionet), "4004271" (zenodo record), "ds004356" (openneuro), a URL, or a MOABB class
    files   glob patterns of the files wanted; empty: all
    """

    host: Literal["physionet", "zenodo", "openneuro", "moabb"]
    id: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hours:
    """A part of a collection: ``count`` pieces of ``seconds`` each; ``used`` where the recipe's recordings hold it, as trials or between them."""

    what: str
    count: int
    seconds: float
    used: bool = True

    @property
    def hours(self) -> float:
        return self.count * self.seconds / 3600.0


@dataclass(frozen=True)
class TableHours:
    """What MindMix's Table 1 says of the collection, and why that differs from the sum of ``DatasetFacts.counted``."""

    stage: Literal[1, 2, 3]
    hours: float
    why: str = ""


@dataclass(frozen=True)
class DatasetFacts:
    """The published facts of a collection; a contract test holds the files to them.

    Counts, channels, rate and hours describe the whole published set; None where the collection is the user's own or
    nobody has counted. A partial copy is fine, a file that contradicts the facts is not. ``interval`` is the default
    analysis window of a trial in seconds after its onset.

    n_channels is what the recipe delivers (EEG channels), before channels that a recording lacks or that are marked bad; sfreq the
    recorded rate.

    reference, line_frequency    recording reference in words; mains frequency in Hz (0 unknown)
    other_sfreqs                 rates of the published recordings that are not at ``sfreq``
    labels                       values of the column "label"; empty where trials carry candidates instead
    files                        glob patterns, relative to the root, by which the files are found
    stimuli                      what was presented, how stimuli are named and where they sit on the EEG's clock
    exclusions                   (what is left out, why)
    layout                       "published": read as its authors published it; "manifest": the published layout is not known
                                 well enough, so the files are described by recordings.tsv and trials.tsv
    counted, table1              how the hours add up, and what MindMix's Table 1 says
    archives, access_steps       where ``data get`` fetches the files; the steps to get access where it may not
    notes                        what a user should know before trusting a result
    unverified                   statements nobody has checked on the files themselves
    """

    name: str
    title: str
    citation: str
    licence: str
    access: Access
    n_subjects: int | None
    n_recordings: int | None
    n_channels: int | None
    sfreq: float | None
    hours: float | None
    reference: str
    line_frequency: float
    paradigm: str
    other_sfreqs: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    interval: tuple[float, float] | None = None
    ssvep_frequencies: tuple[float, ...] = ()
    files: tuple[str, ...] = ()
    url: str = ""
    stimuli: str = ""
    exclusions: tuple[tuple[str, str], ...] = ()
    layout: Literal["published", "manifest"] = "published"
    counted: tuple[Hours, ...] = ()
    table1: TableHours | None = None
    archives: tuple[Archive, ...] = ()
    access_steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value

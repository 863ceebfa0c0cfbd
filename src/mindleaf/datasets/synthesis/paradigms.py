"""The simulated paradigms: which rhythms come and go at which electrodes, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from pydantic import Field, model_validator

from mindleaf.config import Config

#: Seconds of a trial.
TRIAL_S = 4.0


class RecordingConfig(Config):
    """Size of a simulated experiment and strength of what an electrode picks up whatever the person does (microvolts are mean RMS
    over channels).

    n_channels      19, 32 or 64 electrodes of the 10-10 system, referenced to TP9 and TP10
    sfreq           Hz
    variability     spread (log-normal) from subject to subject in the strength of each source, and from trial to trial in the effect
    blink_uv        peak at the electrode nearest to an eye
    """

    n_subjects: int = Field(default=8, ge=1, le=99)
    n_channels: Literal[19, 32, 64] = 32
    sfreq: int = Field(default=200, ge=128, le=2000)
    variability: float = Field(default=0.3, ge=0.0, le=1.0)
    background_uv: float = Field(default=10.0, ge=0.0)
    alpha_uv: float = Field(default=4.0, ge=0.0)
    blink_uv: float = Field(default=80.0, ge=0.0)
    line_frequency: float = Field(default=50.0, gt=0.0)
    line_uv: float = Field(default=2.0, ge=0.0)
    sensor_uv: float = Field(default=1.0, ge=0.0)


class ParadigmConfig(RecordingConfig):
    """An experiment with classes.

    n_trials        trials of each class and subject
    effect          how much of the paradigm's usual change a class makes; 0: nothing in the EEG depends on the class
    combinations    for the paradigms of rhythms and places: the labels there are; empty: the usual ones
    """

    n_trials: int = Field(default=20, ge=1, le=200)
    effect: float = Field(default=1.0, ge=0.0, le=2.0)
    combinations: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        strange = sorted(set(self.combinations) - set(COMBINATIONS))
        if strange:
            raise ValueError(f"combinations holds {strange[0]!r}; there are: {', '.join(COMBINATIONS)}")
        if len(set(self.combinations)) != len(self.combinations) or len(self.combinations) == 1:
            raise ValueError("combinations wants two or more labels, each once")
        return self


@dataclass(frozen=True)
class Rhythm:
    """A rhythm of the cortex under some electrodes, which wax and wane together.

    hz, width_hz    centre and standard deviation of its spectrum; a width of 0 is a steady response to a light that flickers
                    with ``hz`` from the onset of each trial, with two harmonics
    uv              RMS at the electrode that sees it best, at an amplitude of 1
    resting         amplitude where no trial changes it
    changes         what a class (or "class condition") adds to the amplitude
    wave            rhythms of one name have the same time course; empty: its own
    """

    places: tuple[str, ...]
    hz: float
    width_hz: float
    uv: float
    changes: Mapping[str, float]
    resting: float = 0.0
    wave: str = ""


@dataclass(frozen=True)
class Paradigm:
    """What people do, as classes, and what that does to their EEG.

    conditions    what differs from trial to trial and tells nothing of the class; each class has them in turn
    defaults      the usual settings
    """

    name: str
    title: str
    labels: tuple[str, ...]
    rhythms: tuple[Rhythm, ...]
    conditions: tuple[str, ...] = ("",)
    defaults: ParadigmConfig = field(default_factory=ParadigmConfig)

    def classes(self, config: ParadigmConfig) -> tuple[str, ...]:
        return config.combinations or self.labels


def _imagery() -> Paradigm:
    """Mu and beta rhythm fall over the cortex of the limb that is imagined and rise a little over the others (Pfurtscheller
    and Lopes da Silva 1999)."""
    areas = {"left": ("C4",), "right": ("C3",), "feet": ("Cz",), "tongue": ("FC5", "FC6")}
    rhythms = tuple(
        Rhythm(places, hz, width, uv, {label: -0.45 if label == own else 0.1 for label in areas}, resting=1.0)
        for hz, width, uv in ((11.0, 0.8, 10.0), (21.0, 1.5, 5.0))
        for own, places in areas.items()
    )
    return Paradigm("synthetic_imagery", "motor imagery", tuple(areas), rhythms, defaults=ParadigmConfig(n_channels=64))


def _ssvep() -> Paradigm:
    """The visual cortex follows the light that is looked at, with harmonics."""
    frequencies = ("7", "9", "12", "15")
    rhythms = tuple(Rhythm(("O1", "Oz", "O2"), float(hz), 0.0, 3.0, {hz: 1.0}) for hz in frequencies)
    return Paradigm("synthetic_ssvep", "SSVEP", frequencies, rhythms)


def _workload() -> Paradigm:
    """Calculating brings theta to the front and takes alpha from the back (Klimesch 1999)."""
    theta = Rhythm(("F3", "Fz", "F4"), 6.0, 0.7, 6.0, {"arithmetic": 0.7}, resting=0.8)
    alpha = Rhythm(("P3", "Pz", "P4"), 10.0, 0.8, 8.0, {"arithmetic": -0.5}, resting=1.0)
    return Paradigm(
        "synthetic_workload", "rest and mental arithmetic", ("rest", "arithmetic"), (theta, alpha),
        defaults=ParadigmConfig(n_channels=19, n_trials=40, alpha_uv=1.0, variability=0.2),
    )  # fmt: skip


#: Hz and RMS in microvolts of a rhythm, and the electrodes of a place, by their words.
SPEEDS = {"slow": (6.0, 6.0), "medium": (10.0, 5.0), "fast": (20.0, 3.0)}
PLACES = {
    "at_the_front": ("F3", "Fz", "F4"),
    "at_the_back": ("O1", "POz", "O2"),
    "on_the_left": ("FC5", "T7", "CP5"),
    "on_the_right": ("FC6", "T8", "CP6"),
}
#: Every rhythm at every place: "slow_rhythm_at_the_front".
COMBINATIONS: dict[str, tuple[str, str]] = {f"{speed}_rhythm_{place}": (speed, place) for speed in SPEEDS for place in PLACES}
#: Left for the held-out data set: each speed and each place stands in two or more of the others.
HELD_OUT = ("slow_rhythm_at_the_front", "fast_rhythm_at_the_back", "medium_rhythm_on_the_left", "medium_rhythm_on_the_right")


def _combined(name: str, labels: tuple[str, ...]) -> Paradigm:
    rhythms = tuple(
        Rhythm(PLACES[place], SPEEDS[speed][0], 0.7, SPEEDS[speed][1], {label: 1.0})
        for label, (speed, place) in COMBINATIONS.items()
    )
    return Paradigm(name, "brain rhythms at places of the head", labels, rhythms)


def _synchrony() -> Paradigm:
    """Two places swing together, against each other, or each for itself, with the same strength in every class.

    Which places and which rhythm differs from trial to trial and tells nothing, so that somebody who knows only rhythms and
    places cannot tell these classes apart.
    """
    pairs = {"sides": (PLACES["on_the_left"], PLACES["on_the_right"]), "ends": (PLACES["at_the_front"], PLACES["at_the_back"])}
    conditions = tuple(f"{speed}_{pair}" for speed in ("medium", "fast") for pair in pairs)
    rhythms = []
    for condition in conditions:
        speed, _, pair = condition.partition("_")
        (one, other), (hz, uv) = pairs[pair], SPEEDS[speed]
        together, against, apart = (f"{label} {condition}" for label in _SYNCHRONY)
        rhythms += [
            Rhythm(one, hz, 0.7, uv, {together: 1.0, against: 1.0, apart: 1.0}, wave=condition),
            Rhythm(other, hz, 0.7, uv, {together: 1.0, against: -1.0}, wave=condition),
            Rhythm(other, hz, 0.7, uv, {apart: 1.0}),
        ]
    return Paradigm("synthetic_synchrony", "brain rhythms at two places", _SYNCHRONY, tuple(rhythms), conditions)


_SYNCHRONY = ("two_places_in_step", "two_places_in_opposite_step", "two_places_without_relation")

#: Measured with the usual settings and seed 0: balanced accuracy of windows of 4 s on two of the eight subjects by a linear
#: system trained on the other six, mean over all eight subjects (lowest, highest), and chance.
#:   imagery        bandpower_lr .69 (.45, .85), chance .25
#:   ssvep          bandpower_lr .70 (.54, .81), chance .25
#:   workload       bandpower_lr .72 (.50, .94), chance .50
#:   rhythms        bandpower_lr .67 (.52, .87), chance .125
#:   combinations   bandpower_lr .81 (.51, .99), chance .25
#:   synchrony      ts_lr .71 (.43, .87), chance .33
PARADIGMS: dict[str, Paradigm] = {
    paradigm.name: paradigm
    for paradigm in (
        _imagery(),
        _ssvep(),
        _workload(),
        _combined("synthetic_rhythms", tuple(label for label in COMBINATIONS if label not in HELD_OUT)),
        _combined("synthetic_combinations", HELD_OUT),
        _synchrony(),
    )
}

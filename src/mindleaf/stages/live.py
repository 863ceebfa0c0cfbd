"""live and calibrate: a source, a scorer, a session; what it says, printed, recorded, sent on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindleaf.config import Config
from mindleaf.datasets.synthesis.settings import SyntheticConfig
from mindleaf.errors import BadInput
from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision, Event, Frames, Mark, StateChanged
from mindleaf.live.lsl import LSLOut, LSLSource
from mindleaf.live.record import Recorded, Recorder
from mindleaf.live.session import Session
from mindleaf.live.settings import LiveConfig
from mindleaf.live.smoothing import probabilities
from mindleaf.live.source import Paced, Source
from mindleaf.live.stream import StreamInfo
from mindleaf.metrics.calibration import calibration_error
from mindleaf.metrics.lag import audio_lag
from mindleaf.reading.audio import read_audio
from mindleaf.reading.signals import open_signal
from mindleaf.stages.live_figures import answered, figures, interval, turns_of
from mindleaf.stages.live_fit import SYNTHETIC, slope_of
from mindleaf.stages.live_scorers import scorer_for
from mindleaf.stages.live_sources import Take, synthetic_source, taken
from mindleaf.store.files import write_json
from mindleaf.store.store import Store

#: EEG follows sound by about so much: what calibration takes a measured lag to mean where it lies elsewhere.
_USUAL_LAG_S = 0.15
_PAUSE_S = 1.0


class LiveStage(Config):
    """Settings of ``live``: of the decoder, of the synthetic listener (attention turns every ``turn_every_s`` seconds, 0: when
    told), ``window_s`` of a RUN, ``audio_offset_s``: the second of an EEG file at which its sounds begin."""

    live: LiveConfig = LiveConfig()
    synthetic: SyntheticConfig = SYNTHETIC
    turn_every_s: float = 0.0
    window_s: float = 4.0
    audio_offset_s: float = 0.0


@dataclass(frozen=True)
class Asked:
    """What a person asked for on the command line."""

    source: str
    model: str = ""
    audio: str = ""
    calibration: Path | None = None
    unit: str = ""
    speed: float = 1.0
    seed: int = 0
    settings: tuple[str, ...] = ()


def open_session(asked: Asked) -> Session:
    """Source, scorer and decoder put together; nothing runs yet. Raises BadInput for what cannot be opened or does not fit."""
    stage = LiveStage().with_settings(asked.settings)
    source = open_source(asked, stage)
    scorer, slope = scorer_for(asked.model, source.eeg, stage.window_s)
    config = source.config if isinstance(source, Recorded) else stage.live.model_copy(update={"slope": slope * stage.live.slope})
    if asked.calibration is not None:
        config = calibrated(config, asked.calibration, source.eeg)
    return Session(source, Decoder(scorer, source.eeg, source.sound, config), Recorder)


def open_source(asked: Asked, stage: LiveStage) -> Source:
    """synthetic, replay:FILE, store:PATH, session:DIR, lsl:NAME."""
    kind, _, name = asked.source.partition(":")
    makers: dict[str, Callable[[], Source]] = {
        "synthetic": lambda: synthetic_source(stage.synthetic, asked.seed, asked.speed, stage.turn_every_s),
        "replay": lambda: file_source(Path(name), asked, stage.audio_offset_s),
        "store": lambda: store_source(Path(name), asked.speed),
        "session": lambda: Recorded(Path(name)),
        "lsl": lambda: lsl_source(name, asked),
    }
    if kind not in makers or (kind != "synthetic" and not name):
        raise BadInput(f"--source wants lsl:NAME, replay:FILE, store:PATH, session:DIR or synthetic, got {asked.source!r}.")
    return makers[kind]()


def lsl_source(name: str, asked: Asked) -> LSLSource:
    kind, _, what = asked.audio.partition(":")
    if kind == "lsl" and what:
        return LSLSource(name, what, asked.unit)
    return LSLSource(name, unit=asked.unit, played=_waves(asked.audio))


def file_source(path: Path, asked: Asked, offset_s: float) -> Paced:
    """An EEG file with the sounds that played from its second ``offset_s`` on."""
    file = open_signal(path, unit=asked.unit or None).pick_types("eeg")
    sound, waves = _waves(asked.audio)
    first, n = round(offset_s * file.sfreq), round(min(file.duration - offset_s, len(waves) / sound.sfreq) * file.sfreq)
    if n <= 0:
        raise BadInput(f"{path}: lasts {file.duration:g} s, its sounds were to begin at {offset_s:g} s; check audio_offset_s.")
    eeg = StreamInfo("eeg", file.channel_names, file.sfreq)
    take = Take(0.0, np.asarray(file.load(first, first + n)).T, waves)
    return Paced(f"replay:{path.name}", eeg, sound, taken(iter([take]), eeg, sound), asked.speed)


def _waves(audio: str) -> tuple[StreamInfo, NDArray[np.float32]]:
    """wav:A,B as one stream, cut to the shorter one."""
    kind, _, names = audio.partition(":")
    paths = [Path(name) for name in names.split(",") if name]
    if kind != "wav" or len(paths) < 2:
        raise BadInput(f"--audio wants wav:FILE,FILE (or lsl:NAME beside lsl:NAME), got {audio or 'nothing'!r}.")
    read = [read_audio(path) for path in paths]
    if len({rate for _, rate in read}) > 1:
        raise BadInput(f"sounds want one rate, got {', '.join(f'{rate:g}' for _, rate in read)} Hz; resample them.")
    n = min(len(samples) for samples, _ in read)
    info = StreamInfo("audio", tuple(path.stem for path in paths), float(read[0][1]))
    return info, np.stack([samples[:n] for samples, _ in read], axis=1)


def store_source(path: Path, speed: float) -> Paced:
    """Trials with two sounds or more of the first subject's cap, one after another with a gap between them."""
    store = Store(path)
    table = store.index[store.index["n_candidates"] >= 2].sort_values(["recording", "start"])
    if not len(table):
        raise BadInput(f"{path}: wanted trials with two sounds or more, found none; live decoding chooses between sounds.")
    one = store.recordings[table["recording"].iloc[0]]
    kinds = {store.stimuli[name].kind for name in table["stimulus_1"]}
    rates = {store.stimuli[name].sample_rate for name in table["stimulus_1"]}
    if len(kinds) > 1 or len(rates) > 1:
        raise BadInput(f"{path}: wanted sounds of one kind and rate, found {', '.join(sorted(kinds))} at {len(rates)} rates.")
    n = int(table["n_candidates"].min())
    eeg = StreamInfo("eeg", one.montage.names, one.sfreq)
    sound = StreamInfo("envelope" if kinds == {"envelope"} else "audio", tuple(f"stream {k + 1}" for k in range(n)), rates.pop())
    return Paced(f"store:{path.name}", eeg, sound, taken(_takes(store, table, eeg, sound), eeg, sound), speed)


def _takes(store: Store, table: Any, eeg: StreamInfo, sound: StreamInfo) -> Iterator[Take]:
    start = 0.0
    for _, row in table.iterrows():
        recording = store.recordings[row["recording"]]
        if recording.montage.names != eeg.channels or recording.sfreq != eeg.sfreq:
            continue
        seconds = row["stop"] - row["start"]
        signal = store.signal(recording.id)[round(row["start"] * eeg.sfreq) : round(row["stop"] * eeg.sfreq)]
        waves = np.zeros((round(seconds * sound.sfreq), len(sound.channels)), np.float32)
        for k in range(len(sound.channels)):
            first = round(row[f"audio_start_{k + 1}"] * sound.sfreq)
            part = store.samples(row[f"stimulus_{k + 1}"])[first : first + len(waves)]
            waves[: len(part), k] = part
        yield Take(start, np.asarray(signal), waves, int(row["attended"]) - 1)
        start = math.ceil(start + seconds + _PAUSE_S)


def calibrated(config: LiveConfig, path: Path, eeg: StreamInfo) -> LiveConfig:
    """The settings with what ``calibrate`` measured put in."""
    try:
        said = json.loads(path.read_text())
        known = {"slope": said["slope"], "lag_s": said["lag_s"], "left_out": tuple(said["left_out"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: wanted a file that calibrate wrote, could not read it ({error}); calibrate again.") from error
    if said.get("channels") != list(eeg.channels):
        raise BadInput(f"{path}: was measured on other channels than those that come now; calibrate with this cap.")
    return LiveConfig.checked(config.model_dump() | known, str(path))


def live(
    asked: Asked, record: Path | None = None, seconds: float = 0.0, send: str = "", say: Callable[[str], None] = print
) -> dict[str, object]:
    """Run until the source ends, ``seconds`` have passed on its clock, or Ctrl-C; the figures of the session.

    record: folder for everything; send: name of LSL streams for the answers; say: called with each line for people.
    """
    refuse_full(record)
    return followed(open_session(asked), record, seconds, send, say)[0]


def refuse_full(record: Path | None) -> None:
    if record is not None and record.exists() and (not record.is_dir() or any(record.iterdir())):
        raise BadInput(f"{record} is not an empty folder; give --record a new one.")


def followed(
    session: Session, record: Path | None, seconds: float, send: str, say: Callable[[str], None]
) -> tuple[dict[str, object], bool]:
    """Run one session; its figures, and whether Ctrl-C ended it."""
    reader, kept = session.subscribe(100_000), list[Event]()
    if record is not None:
        session.record(record)
    sender = LSLOut(session, send) if send else None
    session.start()
    begun, interrupted = math.nan, False
    try:
        while not session.wait(0.0):
            for event in reader.get(timeout=0.1):
                begun = session.snapshot.now if math.isnan(begun) else begun
                if not isinstance(event, Frames):
                    kept.append(event)
                    if line := told(event, session):
                        say(line)
            if seconds and session.snapshot.now - begun >= seconds:
                break
    except KeyboardInterrupt:
        interrupted = True
        say("stopping")
    finally:
        session.stop()
        if sender is not None:
            sender.close()
    for event in reader.get():
        if not isinstance(event, Frames) and not (seconds and isinstance(event, Decision) and event.at > begun + seconds + 1):
            kept.append(event)
            if line := told(event, session):
                say(line)
    step_ms = dict(zip(("median", "p95", "p99", "max"), session.snapshot.step_ms, strict=True))
    return figures(kept, session.snapshot.window_s) | {"step_ms": step_ms}, interrupted


def told(event: Event, session: Session) -> str:
    """One line for people; "" for what they need not see."""
    names = session.snapshot.candidates
    if isinstance(event, Decision):
        beliefs = "  ".join(f"{name} {p:.2f}" for name, p in zip(names, event.belief, strict=True))
        bad = sum(bool(why) for why in event.channels)
        left_out = f"  ({bad} channels left out)" if bad else ""
        return f"{event.stop:8.1f} s  {names[event.choice] if event.choice >= 0 else 'no decision: ' + event.reason:<20} {beliefs}{left_out}"
    if isinstance(event, StateChanged):
        return f"{event.at:8.1f} s  -- {event.state}{': ' if event.reason else ''}{event.reason}"
    if isinstance(event, Mark):
        word, _, number = event.label.partition(":")
        label = f"attention turns to {names[int(number)]}" if word == "attend" and 0 <= int(number) < len(names) else event.label
        return f"{event.at:8.1f} s  -- {label}"
    return ""


def calibrate(asked: Asked, out: Path, seconds: float, schedule: str = "") -> dict[str, object]:
    """Measure a listener whose attention is known, and write what ``live --calibration`` takes.

    schedule: "0:60,1:60": who is attended for how many seconds from the start, where the source does not say.
    The decoder was fitted on others, so its accuracy here needs no fold; the probability scale is fitted without the
    piece of half a minute that it is measured on. Raises BadInput where nobody says who is attended.
    """
    if out.exists():
        raise BadInput(f"{out} is there already; give --out another name.")
    session = open_session(asked)
    reader, kept = session.subscribe(1_000_000), list[Event]()
    session.start()
    while not session.wait(0.0) and session.snapshot.now - _begun(kept) < seconds:
        kept += reader.get(timeout=0.1)
    session.stop()
    kept += reader.get()
    if schedule:
        kept = [*_scheduled(schedule, _begun(kept), session), *(e for e in kept if not isinstance(e, Mark))]
    measured = _measured(kept, session)
    write_json(out, measured)
    return measured


def _begun(events: Sequence[Event]) -> float:
    return next((event.stamp for event in events if isinstance(event, Frames) and event.kind == "eeg"), math.inf)


def _scheduled(schedule: str, begun: float, session: Session) -> list[Mark]:
    marks, at = [], begun
    for part in schedule.split(","):
        who, _, length = part.partition(":")
        try:
            number, lasts = int(who), float(length)
        except ValueError as error:
            raise BadInput(f"--attend wants NUMBER:SECONDS,..., got {part!r}; for example 0:60,1:60.") from error
        if not -1 <= number < len(session.snapshot.candidates):
            raise BadInput(f"--attend names candidate {number}, there are 0 to {len(session.snapshot.candidates) - 1}.")
        marks.append(Mark(at, f"attend:{number}"))
        at += lasts
    return [*marks, Mark(at, "attend:-1")]


def _measured(events: list[Event], session: Session) -> dict[str, object]:
    rows = answered(events, session.snapshot.window_s)
    kept = rows.decided
    if len(np.unique(rows.cluster[kept])) < 2:
        raise BadInput(
            f"calibration wanted a minute or more in which it is known who is attended, got {int(kept.sum())} such windows; say it with --attend 0:60,1:60."
        )
    scores, attended, cluster = rows.scores[kept], rows.attended[kept], rows.cluster[kept]
    first = np.array([[row[k], *np.delete(row, k)] for row, k in zip(scores, attended, strict=True)])
    right = (scores.argmax(axis=1) == attended).astype(float)
    held_out = {int(c): slope_of(first[cluster != c]) for c in np.unique(cluster)}
    confidence = [probabilities(row, held_out[int(c)]).max() for row, c in zip(scores, cluster, strict=True)]
    shares = np.array([[bool(why) for why in d.channels] for d in events if isinstance(d, Decision)], float).mean(axis=0)
    lag = audio_lag(_pieces(events), session.decoder.scorer.sound.sfreq) if session.decoder.scorer.power else None
    channels = session.snapshot.channels
    return {
        "version": 1, "model": session.snapshot.model, "source": session.snapshot.source, "channels": list(channels),
        "left_out_share": dict(zip(channels, np.round(shares, 4).tolist(), strict=True)),
        "left_out": [name for name, share in zip(channels, shares, strict=True) if share > 0.5],
        "lag": None if lag is None else {"lag_s": lag.lag_s, "strength": lag.strength, "status": lag.status, "seconds": lag.seconds},
        "lag_s": lag.lag_s - _USUAL_LAG_S if lag is not None and lag.status == "misaligned" else 0.0,
        "windows": len(right), "accuracy": float(right.mean()), "ci95": interval(right, cluster, 0),
        "slope": slope_of(first), "ece": calibration_error(confidence, right),
    }  # fmt: skip


def _pieces(events: list[Event]) -> list[tuple[NDArray, NDArray]]:
    """EEG and the attended envelope side by side, in unbroken pieces through which one candidate was attended."""
    sides: dict[str, list[tuple[float, NDArray]]] = {"eeg": [], "sound": []}
    rate = next(event.rate for event in events if isinstance(event, Frames))
    for event in (event for event in events if isinstance(event, Frames)):
        rows = sides["eeg" if event.kind == "eeg" else "sound"]
        rows += [(event.stamp + k / event.rate, row) for k, row in enumerate(event.values)]
    brain = {round(at * rate): row for at, row in sides["eeg"]}
    sound = {round(at * rate): row for at, row in sides["sound"]}
    turns = turns_of(events)
    pieces = []
    for (at, who), until in zip(turns, [*(at for at, _ in turns[1:]), math.inf], strict=True):
        both = [k for k in sorted(brain) if at * rate <= k < until * rate and k in sound]
        if who >= 0 and both and both[-1] - both[0] == len(both) - 1:
            pieces.append((np.stack([brain[k] for k in both], axis=1), np.array([sound[k][who] for k in both])))
    return pieces

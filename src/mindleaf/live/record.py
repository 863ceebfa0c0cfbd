"""A session on disk, and back: everything that went into the decoder, so that a replay decides the same to the last bit.

A BIDS data set (BrainVision) that other tools read, written as samples come, so that a crash loses at most the last second::

    dataset_description.json, sub-live/eeg/sub-live_task-listening_eeg.{eeg,vhdr,vmrk,json}, ..._channels.tsv, ..._events.tsv
    sourcedata/live/session.json    streams, settings, model
    sourcedata/live/sound.wav       the candidates, float32
    sourcedata/live/steps.jsonl     every step in order: what came, its number, its stamp, the clock

The EEG file holds the samples that were received, end to end, in the stream's unit; where some were lost the marker file
begins a new segment. No library writes BrainVision (or XDF) piece by piece, and this header is thirty lines of text.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import BadInput, ReadError
from mindleaf.live.decoder import Decoder
from mindleaf.live.events import Decision, Event, Gap, Mark, StateChanged
from mindleaf.live.settings import LiveConfig
from mindleaf.live.source import Item, Source
from mindleaf.live.stream import Block, StreamInfo

_NAME, _SOUND, _STEPS, _SESSION = "sub-live_task-listening", "sound.wav", "steps.jsonl", "session.json"
_FLUSH_STEPS = 20


class Recorder:
    """Writes one session; pass the class itself to ``Session``. Raises BadInput where the folder is not empty."""

    def __init__(self, folder: Path, source: Source, decoder: Decoder) -> None:
        import soundfile

        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInput(f"{folder} is not an empty folder; record into a new one.")
        eeg, live = folder / "sub-live" / "eeg", folder / "sourcedata" / "live"
        eeg.mkdir(parents=True)
        live.mkdir(parents=True)
        self._eeg, self._sound = source.eeg, source.sound
        _write_headers(folder, eeg, self._eeg)
        described = {
            "version": 1, "source": source.name, "model": decoder.scorer.name, "config": decoder.config.model_dump(mode="json"),
            "eeg": asdict(self._eeg), "sound": asdict(self._sound),
        }  # fmt: skip
        (live / _SESSION).write_text(json.dumps(described, indent=1) + "\n")
        self._samples = (eeg / f"{_NAME}_eeg.eeg").open("wb")
        self._markers = (eeg / f"{_NAME}_eeg.vmrk").open("a")
        self._events = (eeg / f"{_NAME}_events.tsv").open("w")
        self._events.write("onset\tduration\ttrial_type\tvalue\n")
        self._steps = (live / _STEPS).open("w")
        rate = max(1, round(self._sound.sfreq))
        self._wave = soundfile.SoundFile(live / _SOUND, "w", rate, len(self._sound.channels), "FLOAT", format="RF64")
        self._n_samples, self._n_steps = 0, 0

    def step(self, item: Item | None, now: float, events: list[Event]) -> None:
        """One step of the session and what the decoder said about it."""
        line: dict[str, Any] = {"now": now}
        begun = self._n_samples
        if isinstance(item, Mark):
            line |= {"at": item.at, "mark": item.label}
        elif item is not None:
            line |= {"first": item.first, "stamp": item.stamp, "n": len(item.samples), "kind": item.info.kind} | self._kept(item)
        self._steps.write(json.dumps(line) + "\n")
        for event in events:
            self._tell(event, begun)
        self._n_steps += 1
        if self._n_steps % _FLUSH_STEPS == 0:
            for file in (self._samples, self._markers, self._events, self._steps, self._wave):
                file.flush()

    def close(self) -> None:
        for file in (self._samples, self._markers, self._events, self._steps, self._wave):
            file.close()

    def _kept(self, block: Block) -> dict[str, Any]:
        """Write the samples; of a stream that is refused, only what it says of itself."""
        info = self._eeg if block.info.kind == "eeg" else self._sound
        if block.info != info or block.samples.shape[1:] != (len(info.channels),):
            return {"other": asdict(block.info), "shape": list(block.samples.shape)}
        samples = np.ascontiguousarray(block.samples, "<f4")
        if block.info.kind == "eeg":
            self._samples.write(samples.tobytes())
            self._n_samples += len(samples)
        else:
            self._wave.write(samples)
        return {}

    def _tell(self, event: Event, begun: int) -> None:
        """``begun``: EEG samples before this step; a gap lies before them, an answer comes after them."""
        onset = (begun if isinstance(event, Gap) else self._n_samples) / self._eeg.sfreq
        if isinstance(event, Decision):
            self._row(onset, "decision", f"{event.choice} {' '.join(f'{p:.4f}' for p in event.belief)} {event.reason}")
        elif isinstance(event, StateChanged):
            self._row(onset, "state", f"{event.state} {event.reason}")
        elif isinstance(event, Mark):
            self._row(onset, "mark", event.label)
        elif isinstance(event, Gap):
            self._row(onset, "gap", f"{event.kind} {event.lost}")
            if event.kind == "eeg":
                self._markers.write(f"Mk{self._n_steps + 2}=New Segment,,{begun + 1},1,0\n")

    def _row(self, onset: float, kind: str, value: str) -> None:
        words = " ".join(value.split()) or "n/a"
        self._events.write(f"{onset:.6f}\tn/a\t{kind}\t{words}\n")


def _write_headers(folder: Path, eeg: Path, info: StreamInfo) -> None:
    """All that is known before the first sample."""
    description = {"Name": "mindleaf live session", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (folder / "dataset_description.json").write_text(json.dumps(description, indent=1) + "\n")
    (folder / "participants.tsv").write_text("participant_id\nsub-live\n")
    sidecar = {
        "TaskName": "listening", "SamplingFrequency": info.sfreq, "EEGReference": "n/a", "PowerLineFrequency": "n/a",
        "SoftwareFilters": "n/a", "EEGChannelCount": len(info.channels), "RecordingType": "discontinuous",
    }  # fmt: skip
    (eeg / f"{_NAME}_eeg.json").write_text(json.dumps(sidecar, indent=1) + "\n")
    names = [name.replace("\t", " ").replace("\n", " ") for name in info.channels]
    rows = "".join(f"{name}\tEEG\tuV\n" for name in names)
    (eeg / f"{_NAME}_channels.tsv").write_text("name\ttype\tunits\n" + rows)
    # A resolution in microvolts makes any unit readable without touching a sample; commas are written as BrainVision wants them.
    channels = "".join(
        f"Ch{k}={name.replace(',', chr(92) + '1')},,{info.microvolts:g},µV\n" for k, name in enumerate(names, start=1)
    )
    (eeg / f"{_NAME}_eeg.vhdr").write_text(
        "BrainVision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={_NAME}_eeg.eeg\nMarkerFile={_NAME}_eeg.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={len(names)}\nSamplingInterval={1e6 / info.sfreq!r}\n\n"
        f"[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\n{channels}",
        encoding="utf-8",
    )
    (eeg / f"{_NAME}_eeg.vmrk").write_text(
        "BrainVision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={_NAME}_eeg.eeg\n\n[Marker Infos]\nMk1=New Segment,,1,1,0\n",
        encoding="utf-8",
    )


class Recorded:
    """A recorded session as a source: the same items at the same clock. ``model``, ``config``: what decided then."""

    def __init__(self, folder: Path) -> None:
        live = folder / "sourcedata" / "live"
        if not (live / _SESSION).is_file() or not (live / _STEPS).is_file():
            raise ReadError(f"{folder}: wanted a recorded live session, found none; give the folder that --record wrote.")
        said = json.loads((live / _SESSION).read_text())
        self.name, self.model = f"session:{folder.name}", str(said["model"])
        self.config = LiveConfig.checked(said["config"], str(live / _SESSION))
        self.eeg, self.sound = _info(said["eeg"]), _info(said["sound"])
        self._folder, self._now, self._lines = folder, 0.0, self._items()

    def clock(self) -> float:
        return self._now

    def take(self) -> list[Item] | None:
        step = next(self._lines, None)
        if step is None:
            return None
        item, self._now = step
        return [] if item is None else [item]

    def attend(self, candidate: int) -> None:
        raise BadInput("a recorded session listens as it did; nobody can be turned.")

    def close(self) -> None:
        self._lines.close()

    def _items(self) -> Generator[tuple[Item | None, float], None, None]:
        import soundfile

        live = self._folder / "sourcedata" / "live"
        eeg = np.memmap(self._folder / "sub-live" / "eeg" / f"{_NAME}_eeg.eeg", "<f4", "r").reshape(-1, len(self.eeg.channels))
        n_read = 0
        with soundfile.SoundFile(live / _SOUND) as wave, (live / _STEPS).open() as steps:
            for line in steps:
                if not line.endswith("\n"):
                    return  # cut off by a crash
                said = json.loads(line)
                item: Item | None = None
                if "mark" in said:
                    item = Mark(said["at"], said["mark"])
                elif "other" in said:
                    item = Block(_info(said["other"]), said["first"], said["stamp"], np.zeros(said["shape"], np.float32))
                elif said.get("kind") == "eeg":
                    item = Block(self.eeg, said["first"], said["stamp"], np.array(eeg[n_read : n_read + said["n"]]))
                    n_read += said["n"]
                elif "kind" in said:
                    item = Block(self.sound, said["first"], said["stamp"], wave.read(said["n"], "float32", always_2d=True))
                if isinstance(item, Block) and "other" not in said and len(item.samples) < said["n"]:
                    return  # the samples of the last second were not written any more
                yield item, said["now"]


def _info(said: dict[str, Any]) -> StreamInfo:
    return StreamInfo(said["kind"], tuple(said["channels"]), said["sfreq"], said["unit"])

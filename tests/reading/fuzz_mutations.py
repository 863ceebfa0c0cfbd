"""Mutations of files, and what counts as a silent change.

Definition, fixed before the readers were hardened. A file of a format is made of *parts* (one file, or a header with its
data file), and each byte of a part is one of
  payload of a sample     the byte is part of one stored number or character, uncompressed and without a checksum over it;
  payload of an event     the byte is part of one event's own entry (code, text, position) of which the format holds one copy;
  payload of a trigger    the byte is part of one sample of a trigger channel;
  header                  everything else.
A byte is *touched* when the mutated part has another value there, or does not reach it any more. The outcome of reading is
  crash, hang       the main process dies, or the child does not end within its time;
  untyped           something else than ReadError comes out, or one that does not name the file;
  refused           ReadError;
  named             the file loads with an issue that the undamaged file does not have;
  identical         names, types, rate, number of samples, events and every value are those of the undamaged file;
  payload           as identical, but for samples whose own bytes were touched, events whose own bytes were touched (their number
                    is the same), and events in or within one sample of which a sample of a trigger channel was touched;
  erased            as payload, but events are missing whose own bytes were touched, in a format that holds no count of events
                    (a text cut between two lines, a list of annotations zeroed): what is left is a whole file with fewer events;
  silent            everything else: header damage that changed something without a word, or payload damage that spread.
Onsets and durations of events are the same where they differ by less than a tenth of a sample; everything else is compared exactly.
Promised are: no crash, no hang, nothing untyped, nothing silent. What is erased cannot be told and is counted for all to see.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = ("truncate", "flip", "zero", "field", "append", "shift")
#: Share of the positions that are drawn among header bytes; the others are drawn from the whole part.
_HEADER_SHARE = 0.7


@dataclass
class Part:
    """One file of a recording. Each payload array is as long as the part, -1 where a byte is none of it.

    ``samples`` gives row * n_times + time, ``events`` the number of the event, ``triggers`` the time in samples.
    """

    content: bytes
    samples: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    events: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    triggers: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        for name in ("samples", "events", "triggers"):
            if not len(getattr(self, name)):
                setattr(self, name, np.full(len(self.content), -1, np.int32))

    def header_places(self) -> NDArray[np.int64]:
        return np.flatnonzero((self.samples < 0) & (self.events < 0) & (self.triggers < 0))


@dataclass(frozen=True)
class Touched:
    """Payload that a mutation may change: flat sample numbers, event numbers, and times of trigger samples."""

    samples: NDArray[np.int64]
    events: frozenset[int]
    triggers: frozenset[int]


def mutate(name: str, number: int, parts: dict[str, Part]) -> tuple[str, str, bytes, Touched]:
    """Mutation ``number`` of format ``name``: its kind, the part it hits, the part's new content, and the payload touched."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    kind = KINDS[number % len(KINDS)]
    which = sorted(parts)[int(rng.integers(len(parts)))]
    part = parts[which]
    header = part.header_places()
    place = int(rng.choice(header)) if len(header) and rng.random() < _HEADER_SHARE else int(rng.integers(len(part.content)))
    content = _MUTATORS[kind](part.content, place, rng)
    return kind, which, content, touched_payload(part, content)


def touched_payload(part: Part, content: bytes) -> Touched:
    common = min(len(content), len(part.content))
    old, new = np.frombuffer(part.content, np.uint8), np.frombuffer(content, np.uint8)
    touched = np.ones(len(part.content), bool)
    touched[:common] = old[:common] != new[:common]
    samples, events, triggers = (np.unique(owner[touched]) for owner in (part.samples, part.events, part.triggers))
    return Touched(
        samples[samples >= 0].astype(np.int64),
        frozenset(events[events >= 0].tolist()),
        frozenset(triggers[triggers >= 0].tolist()),
    )


def _truncate(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    return content[:place]


def _flip(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        damaged[min(len(content) - 1, place + int(rng.integers(0, 4)) * int(rng.integers(0, 2)))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _zero(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    length = int(rng.choice([1, 2, 4, 8, 64, 512]))
    return content[:place] + bytes(min(length, len(content) - place)) + content[place + length :]


def _field(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    """Digits become other digits where some stand within 40 bytes; else one to eight bytes become text."""
    digits = [at for at in range(place, min(place + 40, len(content))) if 48 <= content[at] < 58]
    damaged = bytearray(content)
    if digits and rng.random() < 0.7:
        run = digits[: 1 + int(rng.integers(3))]
        for at in run:
            damaged[at] = int(rng.integers(48, 58))
        return bytes(damaged)
    text = bytes(rng.integers(32, 127, int(rng.integers(1, 9))).astype(np.uint8))
    damaged[place : place + len(text)] = text
    return bytes(damaged[: len(content)])


def _append(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    return content + bytes(rng.integers(0, 256, int(rng.integers(1, 600))).astype(np.uint8))


def _shift(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    """A byte lost, a byte gained, or one lost and a blank put in up to 64 bytes later."""
    choice = int(rng.integers(3))
    if choice == 0:
        return content[:place] + content[place + 1 :]
    if choice == 1:
        return content[:place] + bytes([int(rng.integers(256))]) + content[place:]
    end = min(place + 64, len(content))
    return content[:place] + content[place + 1 : end] + b" " + content[end:]


_MUTATORS = {"truncate": _truncate, "flip": _flip, "zero": _zero, "field": _field, "append": _append, "shift": _shift}


def judge(clean: dict[str, Any], found: dict[str, Any], touched: Touched, events_counted: bool = True) -> tuple[str, str]:
    """The outcome of a file that was read, and for "silent" what changed. Both hold what ``describe`` gives, and "values".

    ``events_counted``: whether the format stores the number of events, so that one cannot vanish with its bytes.
    """
    known = {(item["code"], item["message"]) for item in clean["notes"]}
    if any((item["code"], item["message"]) not in known for item in found["notes"]):
        return "named", ""
    for name in ("names", "types", "sfreq", "n_times"):
        if clean[name] != found[name]:
            return "silent", f"{name}: {_brief(clean[name])} became {_brief(found[name])}"
    events_same, told = _events_same(clean, found, touched)
    erased = told and not events_counted and _only_erased(clean, found, touched)
    if told and not erased:
        return "silent", told
    before, after = np.asarray(clean["values"]), np.asarray(found["values"])
    if before.shape != after.shape or before.dtype != after.dtype:
        return "silent", f"values: {before.shape} {before.dtype} became {after.shape} {after.dtype}"
    changed = np.flatnonzero((before.ravel() != after.ravel()) & ~(np.isnan(before.ravel()) & np.isnan(after.ravel())))
    spread = np.setdiff1d(changed, touched.samples)
    if len(spread):
        return "silent", f"values: {len(spread)} of {before.size} changed beyond {len(touched.samples)} touched"
    if erased:
        return "erased", ""
    return ("identical", "") if events_same and not len(changed) else ("payload", "")


def _brief(value: Any) -> str:
    return repr(value)[:160]


def _events_same(clean: dict[str, Any], found: dict[str, Any], touched: Touched) -> tuple[bool, str]:
    """Whether all events are the same, and what is wrong where more differs than payload allows."""
    rate = clean["sfreq"]
    if _equal_lists(clean["events"], found["events"], rate):
        return True, ""
    before, after = (
        [event for event in held["events"] if not _near_trigger(event, rate, touched.triggers)] for held in (clean, found)
    )
    if touched.triggers and _equal_lists(before, after, rate):
        return False, ""
    if len(clean["events"]) != len(found["events"]):
        return False, f"events: {len(clean['events'])} became {len(found['events'])}"
    left = list(found["events"])
    missing = 0
    for number, event in enumerate(clean["events"]):
        match = next((other for other in left if _equal(event, other, rate)), None)
        if match is not None:
            left.remove(match)
        elif number in touched.events:
            missing += 1
        else:
            return False, f"events: {event} is gone, untouched"
    return False, "" if missing == len(left) else "events: others than the touched ones changed"


def _only_erased(clean: dict[str, Any], found: dict[str, Any], touched: Touched) -> bool:
    """Whether the events found are those of the undamaged file but for some that were touched."""
    left = list(found["events"])
    for number, event in enumerate(clean["events"]):
        match = next((other for other in left if _equal(event, other, clean["sfreq"])), None)
        if match is not None:
            left.remove(match)
        elif number not in touched.events:
            return False
    return not left


def _near_trigger(event: list[Any], rate: float, times: frozenset[int]) -> bool:
    """Whether a touched time lies in the event or within one sample of it."""
    first, last = round(event[0] * rate), round((event[0] + event[1]) * rate)
    return not times.isdisjoint(range(first - 1, last + 2))


def _equal_lists(before: list[list[Any]], after: list[list[Any]], rate: float) -> bool:
    return len(before) == len(after) and all(_equal(a, b, rate) for a, b in zip(before, after, strict=True))


def _equal(a: list[Any], b: list[Any], rate: float) -> bool:
    return a[2] == b[2] and abs(a[0] - b[0]) * rate < 0.1 and abs(a[1] - b[1]) * rate < 0.1


def write_parts(folder: Path, parts: dict[str, Part], damaged: str = "", content: bytes = b"") -> None:
    """The parts as files; ``content`` for the damaged one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if name == damaged else part.content)

"""Curry (Compumedics Neuroscan) recordings: float32 samples in .cdt or .dat, everything else in text files beside them.

Curry 8 and 9: X.cdt, X.cdt.dpa or X.cdt.dpo, events in X.cdt.cef or X.cdt.ceo. Curry 7 and older: X.dat, X.dap, labels in
X.rs3, events in X.cef or X.ceo. The text files are made of sections ("LABELS START_LIST" ... "LABELS END_LIST").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mindleaf.errors import ReadError
from mindleaf.reading.channel_list import channel_kind, rate_notes, read_rows, unique_names
from mindleaf.reading.formats import OpenSignal
from mindleaf.reading.notes import note
from mindleaf.reading.presence import present_file
from mindleaf.reading.units import asked_unit, is_other_quantity, volts_per_unit

_ADVICE = "the header is damaged; get the file again from its source."
_COMPRESSED = "{2912E8D8-F5C8-4E25-A8E7-A1385967DA09}"
_LONGEST_TEXT_BYTES = 256 << 20


@dataclass
class _Text:
    """A parameter file: ``values`` and ``lists`` by section; the keys of values without underscores, in small letters.

    ``ended`` are the lists whose end is marked.
    """

    values: dict[str, dict[str, str]] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Channel:
    name: str
    unit: str
    group: str
    place: int


def open_curry(path: Path, unit: str | None, look: bool = True) -> OpenSignal:
    """Open a .cdt or .dat file; events only where ``look``. Raises ReadError for a missing or contradicting header."""
    parameters = _parameter_file(path)
    text = _read_text(parameters)
    if path.suffix.lower() == ".dat":
        labels = _read_text(present_file(path.with_suffix(".rs3"), "the labels of a Curry recording"))
        text.lists = {**labels.lists, **text.lists}
    facts = _facts(parameters, text)
    sfreq, notes = _rate(parameters, facts)
    channels = _channels(parameters, text, int(_number(parameters, facts, "numchannels")))
    n_times, more = _length(path, parameters, facts, len(channels), sfreq)
    names, renamed = unique_names(parameters, [channel.name for channel in channels])
    kinds = ["misc" if "MAG" in channel.group else channel_kind(channel.name) for channel in channels]
    rows = [row for row, kind in enumerate(kinds) if kind != "stim"]
    scales, unknown = _scales([channels[row] for row in rows], [names[row] for row in rows], unit)
    events, odd = _events(path, sfreq, n_times, "stim" in kinds) if look else ([], [])

    def read(start: int, stop: int) -> np.ndarray:
        return read_rows(path, 0, "<f4", len(channels), start, stop).T[rows] * scales

    return OpenSignal(
        [names[row] for row in rows],
        ["misc" if is_other_quantity(channels[row].unit) else kinds[row] for row in rows],
        sfreq,
        n_times,
        read,
        events,
        notes + more + renamed + unknown + odd,
    )


def _parameter_file(path: Path) -> Path:
    if path.suffix.lower() == ".dat":
        beside = [path.with_suffix(".dap")]
    else:
        beside = [Path(f"{path}{suffix}") for suffix in (".dpa", ".dpo")]
    found = [candidate for candidate in beside if candidate.exists() or candidate.is_symlink()]
    if not found:
        wanted = " or ".join(candidate.name for candidate in beside)
        raise ReadError(f"{path}: wanted a Curry recording with {wanted} beside it, found none; put the files side by side.")
    return present_file(found[0], "the parameters of a Curry recording")


def _read_text(path: Path) -> _Text:
    """Sections of a Curry text file. Raises ReadError where it is no such file."""
    if path.stat().st_size > _LONGEST_TEXT_BYTES:
        raise ReadError(f"{path}: wanted a text file of a Curry recording, this one takes {path.stat().st_size} bytes; check it.")
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("latin-1").splitlines()
    found, section, in_list = _Text(), "", False
    for line in lines:
        line = line.split("#")[0].rstrip() if not in_list or "_LIST" in line else line
        words = line.split()
        if len(words) == 2 and words[1] in ("START", "START_LIST", "END", "END_LIST"):
            if in_list and words == [section, "END_LIST"]:
                found.ended.add(section)
            section, in_list = (words[0], words[1] == "START_LIST") if words[1].startswith("START") else ("", False)
            if section:
                (found.lists if in_list else found.values).setdefault(section, [] if in_list else {})  # type: ignore[arg-type]
        elif in_list:
            found.lists[section].append(line.strip())
        elif section and "=" in line:
            key, _, value = line.partition("=")
            found.values[section][_key(key)] = value.strip()
    if not found.values and not found.lists:
        raise ReadError(f"{path}: wanted the sections of a Curry text file ('... START'), found none; check what wrote it.")
    return found


def _key(text: str) -> str:
    """Curry 6 writes NUM_SAMPLES where later ones write NumSamples."""
    return text.strip().replace("_", "").lower()


def _facts(path: Path, text: _Text) -> dict[str, str]:
    """The data parameters, after refusing what is not a continuous float32 recording."""
    facts = text.values.get("DATA_PARAMETERS", {})
    for section in text.values.values():
        facts = {**section, **facts}
    if facts.get("dataguid", "").upper() == _COMPRESSED:
        raise ReadError(f"{path}: belongs to a compressed recording; save it as raw float data with Curry.")
    if "ASCII" in (facts.get("dataformat", "").upper(), facts.get("databyteorder", "").upper()):
        raise ReadError(f"{path}: belongs to a recording written as text; save it as raw float data with Curry.")
    for key, allowed in (
        ("datasamporder", ("SAMP", "")),
        ("databyteorder", ("INTEL", "")),
        ("dataformat", ("FLOAT", "BINARY", "")),
    ):
        if facts.get(key, "").upper() not in allowed:
            raise ReadError(
                f"{path}: wanted {key} {allowed[0]}, found {facts[key][:12]!r}; save it as raw float data with Curry."
            )
    trials = _number(path, facts, "numtrials") if "numtrials" in facts else 1
    if trials != 1:
        raise ReadError(f"{path}: holds {trials:g} epochs, wanted one continuous recording; save it without cutting it.")
    return facts


def _number(path: Path, facts: dict[str, str], key: str) -> float:
    try:
        value = float(facts[key])
        if not np.isfinite(value):
            raise ValueError
    except KeyError:
        raise ReadError(f"{path}: wanted {key} among the data parameters, it is missing; {_ADVICE}") from None
    except ValueError:
        raise ReadError(f"{path}: {key} is not a number; {_ADVICE}") from None
    return value


def _rate(path: Path, facts: dict[str, str]) -> tuple[float, list[dict[str, Any]]]:
    """Sampling rate in Hz: the header gives it as a frequency and as an interval, which must agree to the interval's digits."""
    told = _number(path, facts, "samplefreqhz") if "samplefreqhz" in facts else 0.0
    interval = _number(path, facts, "sampletimeusec") if "sampletimeusec" in facts else 0.0
    if told <= 0 and interval <= 0:
        raise ReadError(f"{path}: wanted SampleFreqHz or SampleTimeUsec above 0, found {told:g} and {interval:g}; {_ADVICE}")
    if told > 0 and interval > 0:
        decimals = len(facts["sampletimeusec"].partition(".")[2])
        if abs(1e6 / told - interval) > 0.51 * 10.0**-decimals and not np.isclose(1e6 / interval, told, rtol=1e-5):
            raise ReadError(f"{path}: {told:g} Hz contradicts the interval of {interval:g} us between samples; {_ADVICE}")
        return told, []
    sfreq = told if told > 0 else 1e6 / interval
    return sfreq, rate_notes(path, sfreq)


def _channels(path: Path, text: _Text, n_channels: int) -> list[_Channel]:
    """Channels in the file's order. A group may list channels that are not in the file (CHAN_IN_FILE 0)."""
    groups = [name.removeprefix("DEVICE_PARAMETERS") for name in text.values if name.startswith("DEVICE_PARAMETERS")] or [""]
    found: list[_Channel] = []
    for group in groups:
        labels = [line for line in text.lists.get(f"LABELS{group}", []) if line]
        device = text.values.get(f"DEVICE_PARAMETERS{group}", {})
        places = [line for line in text.lists.get(f"CHAN_IN_FILE{group}", []) if line]
        told = device.get("numchanthisgroup", "")
        if places and len(places) != len(labels):
            raise ReadError(f"{path}: {len(labels)} labels and {len(places)} places in the file for {group or 'EEG'}; {_ADVICE}")
        if not places and told != str(len(labels)) and told:
            raise ReadError(
                f"{path}: the header promises {told[:8]} channels for {group or 'EEG'}, {len(labels)} have labels; {_ADVICE}"
            )
        before = len(found)
        for number, label in enumerate(labels):
            place = places[number] if places else str(before + number + 1)
            if not place.isdigit():
                raise ReadError(f"{path}: CHAN_IN_FILE of {label[:16]!r} is not a number; {_ADVICE}")
            if int(place):
                found.append(_Channel(label, device.get("dataunit", ""), group, int(place)))
    if sorted(channel.place for channel in found) != list(range(1, n_channels + 1)):
        raise ReadError(f"{path}: the header promises {n_channels} channels, {len(found)} have a label and a place; {_ADVICE}")
    return sorted(found, key=lambda channel: channel.place)


def _length(
    path: Path, parameters: Path, facts: dict[str, str], n_channels: int, sfreq: float
) -> tuple[int, list[dict[str, Any]]]:
    there, left_over = divmod(path.stat().st_size, 4 * n_channels)
    told = int(_number(parameters, facts, "numsamples")) if "numsamples" in facts else -1
    if told < 0:
        return there, [note("unfinished", f"unfinished: the header leaves the number of samples open; the file holds {there}")]
    if there < told:
        lost = (told - there) / sfreq
        text = f"truncated, lost_s={lost:g}: the header promises {told} samples, the file holds {there}"
        return there, [note("truncated", text)]
    if there > told or left_over:
        extra = path.stat().st_size - 4 * n_channels * told
        return told, [note("trailing_bytes", f"trailing_bytes: {extra} bytes follow the {told} samples the header promises")]
    return told, []


def _scales(channels: list[_Channel], names: list[str], asked: str | None) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Microvolts per unit, (channel, 1); other quantities stay as they are."""
    scales, unknown = np.ones((len(channels), 1)), []
    for row, channel in enumerate(channels):
        if is_other_quantity(channel.unit) or "MAG" in channel.group:
            continue
        volts = asked_unit(asked) if asked is not None else volts_per_unit(channel.unit)
        if volts is None:
            unknown.append(names[row])
        else:
            scales[row] = 1e6 * volts
    if not unknown:
        return scales, []
    text = f"unit_unknown: {len(unknown)} channels ({', '.join(unknown[:4])} ...) name no known unit; taken as microvolts, pass --unit"
    return scales, [note("unit_unknown", text, unknown)]


def _events(path: Path, sfreq: float, n_times: int, has_trigger: bool) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """Events of the .cef or .ceo file: rows of sample, ?, code, ?, first sample, last sample ..."""
    stem = path.with_suffix("") if path.suffix.lower() == ".dat" else path
    candidates = [Path(f"{stem}{suffix}") for suffix in (".cef", ".ceo")]
    beside = [present_file(path, "the events of a Curry recording") for path in candidates if path.exists() or path.is_symlink()]
    if not beside:
        if not has_trigger:
            return [], []
        return [], [
            note("events_missing", "events_missing: no .cef or .ceo file stands beside it; its trigger channel is not read")
        ]
    text = _read_text(beside[0])
    rows = [re.split(r"\s+", line) for line in text.lists.get("NUMBER_LIST", []) if line]
    told = text.values.get("NUMBER_LIST", {}).get("listnrrows", str(len(rows)))
    events, odd, outside = [], 0, 0
    for row in rows:
        try:
            sample, code = int(row[0]), int(row[2])
            first, last = (int(row[4]), int(row[5])) if len(row) > 5 else (sample, sample)
        except (ValueError, IndexError):
            odd += 1
            continue
        if not 0 <= sample < n_times:
            outside += 1
            continue
        odd += first != sample or last < first
        events.append([sample / sfreq, max(0, last - first) / sfreq, str(code)])
    notes = []
    if "NUMBER_LIST" not in text.ended or told != str(len(rows)):
        notes.append(
            note("events_lost", f"events_lost: {len(rows)} events found, the event file promises others or is cut short")
        )
    if odd:
        notes.append(
            note("events_damaged", f"events_damaged: {odd} of {len(rows)} lines of the event file contradict themselves")
        )
    if outside:
        left_out = f"events_outside: {outside} of {len(rows)} events lie outside the recording and were left out"
        notes.append(note("events_outside", left_out))
    return events, notes

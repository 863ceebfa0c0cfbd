"""The second look at BrainVision marker files: every line between the first and the last must be a marker, in order."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from mindleaf.reading.notes import note

_ENTRY = re.compile(r"Mk(\d+)=([^,]*),([^,]*),(\d+),(\d+),(-?\d+)(?:,(\d*))?")
#: Kinds of markers that recorder and analyser write. Others exist; a single one of them among many markers is suspect.
_KINDS = frozenset(
    {
        "New Segment", "Stimulus", "Response", "Comment", "SyncStatus", "Event", "Optic", "Marker", "Time 0", "Bad Interval",
        "Scanner", "Threshold", "Voltage", "Peak", "Pulse Artifact", "Toggle", "Audio", "Video", "Trigger", "Segment", "Artifact",
    }
)  # fmt: skip


def marker_notes(path: Path, n_read: int, n_times: int) -> list[dict[str, Any]]:
    """Issues of the marker file that the header at ``path`` names. ``n_read`` is the number of events the reader found,
    which leaves out the new segment that every file begins with.
    """
    found = re.search(r"^MarkerFile\s*=\s*(.*?)\s*$", path.read_bytes().decode("latin-1"), re.MULTILINE)
    if not found or not found.group(1):
        return [note("events_missing", "events_missing: the header names no marker file")]
    markers = path.parent / found.group(1).replace("$b", path.stem)
    if not markers.exists():  # after renaming the reader takes the one beside the header
        markers = path.with_suffix(".vmrk")
    if not markers.exists():
        return [note("events_missing", f"events_missing: the marker file of {path.name} is not there; its events are lost")]
    content = markers.read_bytes()
    text = content.decode("utf-8", "replace")
    head, section, body = text.partition("[Marker Infos]")
    damage = []
    if (
        not section
        or not head.lstrip("\ufeff").startswith("Brain Vision Data Exchange Marker File")
        or not _names_same_data(path, head)
    ):
        damage.append("its head is damaged")
    if content and not content.endswith((b"\n", b"\r")):
        damage.append("its last line has no end")
    lines = [line for line in body.partition("\n[")[0].splitlines() if line.strip() and not line.startswith(";")]
    matches = [_ENTRY.fullmatch(line.strip()) for line in lines]
    entries = [match for match in matches if match]
    if len(entries) < len(lines):
        damage.append(f"{len(lines) - len(entries)} lines are no markers")
    if [int(match.group(1)) for match in entries] != list(range(1, len(entries) + 1)):
        damage.append("markers are missing or out of order")
    if any(
        not match.group(2).isprintable() or not match.group(3).isprintable() or "\ufffd" in match.group(0) for match in entries
    ):
        damage.append("some markers cannot be read")
    kinds = Counter(match.group(2) for match in entries)
    if len(entries) > 2 and any(count == 1 and kind not in _KINDS for kind, count in kinds.items()):
        damage.append("one marker is of a kind of its own")
    positions = [int(match.group(4)) for match in entries]
    if any(not 1 <= position <= n_times for position in positions):
        damage.append("some markers lie outside the recording")
    if positions != sorted(positions):
        damage.append("positions go back in time")
    wanted = len(entries) - (1 if entries and entries[0].group(2) == "New Segment" else 0)
    if wanted != n_read:
        damage.append(f"{wanted} markers by their lines, {n_read} read")
    return [note("events_damaged", f"events_damaged: {markers.name}: {'; '.join(damage)}")] if damage else []


def _names_same_data(path: Path, head: str) -> bool:
    """Header and marker file name the same data file, where both do."""
    pattern = re.compile(r"^DataFile\s*=\s*(.*?)\s*$", re.MULTILINE)
    ours, theirs = pattern.search(path.read_bytes().decode("utf-8", "replace")), pattern.search(head)
    return theirs is None or ours is None or ours.group(1) == theirs.group(1) or "$b" in theirs.group(1) + ours.group(1)

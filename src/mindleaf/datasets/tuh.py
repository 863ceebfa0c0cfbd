"""What the Temple University Hospital corpora share: file names, the 19 scalp electrodes of a hospital EEG, terms of access."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mindleaf.datasets.dataset import recording_of, relative_names
from mindleaf.errors import ReadError
from mindleaf.montage import clean_name
from mindleaf.reading.signals import SignalFile, open_signal
from mindleaf.recording import Issue, Recording, Trial

#: The electrodes that (nearly) every file has, by today's names; the files write "EEG FP1-REF" or "EEG FP1-LE", and T3 for T7.
SCALP = (
    "Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2",
)  # fmt: skip
#: "aaaaamye_s001_t000.edf"; earlier releases number patients with eight digits.
FILE_NAME = re.compile(r"([a-z]{8}|\d{8})_s(\d{3})(?:_\d{4})?_t(\d{3})\.edf")

LICENCE = "by agreement with Temple University (free of charge, no redistribution)"
ACCESS_STEPS = (
    "Fill in the form at https://isip.piconepress.com/projects/nedc/html/tuh_eeg/ and send it signed, by e-mail.",
    "Fetch the corpus with rsync and the account you are sent.",
)
EXCLUSIONS = (
    (
        "everything but the 19 scalp electrodes",
        "ears (A1, A2), eyes, heart, muscle, light and breathing are no scalp EEG, and T1, T2 and numbered leads stand in few files",
    ),
)
NOTES = (
    "Channels are what the electrodes read against the file's reference (REF or linked ears); the bipolar montage in which the "
    "annotators read (TCP) is a difference of two of them, for the view to take.",
    "The 8 and 14 channels of MindMix's Table 1 for TUEV and TUEP match no montage of these corpora.",
    "The same patient may be in several of the corpora: TUEP, TUEV and TUAB are parts of one large collection.",
)


def open_scalp(path: Path) -> tuple[SignalFile, tuple[Issue, ...]]:
    """The file with its scalp electrodes in ``SCALP``'s order, and its issues; ReadError where it has none of them."""
    file = open_signal(path)
    raw_names: dict[str, str] = {}
    for raw in file.channel_names:
        raw_names.setdefault(clean_name(raw), raw)
    present = [name for name in SCALP if name in raw_names]
    if not present:
        raise ReadError(
            f"{path}: wanted channels such as 'EEG FP1-REF', the file has {', '.join(file.channel_names[:6])}; leave it out."
        )
    file = file.pick([raw_names[name] for name in present])
    missing = [name for name in SCALP if name not in present]
    if not missing:
        return file, file.issues
    return file, (*file.issues, Issue("channel_missing", f"channel_missing: the file has no {', '.join(missing)}"))


def labelled_file(dataset: str, root: Path, path: Path, labels: Mapping[str, str]) -> list[Recording]:
    """One recording, all of it one trial with ``labels``: the label is the patient's or the recording's, not a moment's."""
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise ReadError(f"{path}: wanted a name like aaaaamye_s001_t000.edf; leave the file out or give it its name back.")
    subject, session, run = match.groups()
    file, issues = open_scalp(path)
    return [
        recording_of(
            file,
            dataset=dataset,
            subject=subject,
            session=session,
            run=run,
            trials=(Trial("1", 0.0, file.duration, labels=dict(labels)),),
            issues=issues,
            source_files=relative_names(root, path),
        )
    ]

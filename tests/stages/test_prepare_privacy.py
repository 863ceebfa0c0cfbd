"""Twelve things about a person, planted in every header and sidecar that has a place for them, reach nothing we write."""

from __future__ import annotations

import datetime
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import edfio
import mne
import numpy as np
import pandas as pd
import pybv
import pytest
from scipy.io import savemat

from mindleaf.store.store import Store
from tests.stages.command import worked

CANARIES = {
    "first name": "Zaphodina",
    "last name": "Quxleyberg",
    "record number": "MRN0099887",
    "technician": "Techworthy",
    "hospital": "Saintquibble",
    "equipment": "SerialXQ77",
    "annotation": "Wobblethorpe laughs",
    "path": "DrFlimwick",
    "diagnosis": "glimmerosis",
    "investigator": "Investigatrix",
    "phone": "5550192837",
    "city of birth": "Quuxhaven",
}
BIRTH = ("1931-07-29", "29-JUL-1931", "19310729", "29.07.1931", "July 29 1931")
NAMES = ("Fp1", "C3", "Cz", "O1")
SFREQ, SECONDS = 128, 8


def eeg() -> np.ndarray:
    """(channel, time) microvolts."""
    return 20.0 * np.random.default_rng(0).standard_normal((len(NAMES), SECONDS * SFREQ))


def write_edf(path: Path, bdf: bool = False) -> None:
    c = CANARIES
    signal, whole = (edfio.BdfSignal, edfio.Bdf) if bdf else (edfio.EdfSignal, edfio.Edf)
    signals = [signal(row, SFREQ, label=name, physical_dimension="uV", physical_range=(-400, 400), transducer_type=c["equipment"])
               for row, name in zip(eeg(), NAMES, strict=True)]  # fmt: skip
    patient = edfio.Patient(
        code=c["record number"], name=f"{c['first name']}_{c['last name']}", birthdate=datetime.date(1931, 7, 29),
        additional=(c["diagnosis"], c["city of birth"]),
    )  # fmt: skip
    session = edfio.Recording(
        hospital_administration_code=c["hospital"], investigator_technician_code=c["technician"], equipment_code=c["equipment"],
        additional=(c["investigator"],),
    )  # fmt: skip
    marks = [edfio.EdfAnnotation(1.0, None, f"{c['annotation']}, call {c['phone']}"), edfio.EdfAnnotation(2.0, 1.0, c["path"])]
    whole(signals, patient=patient, recording=session, annotations=marks, data_record_duration=1).write(path)


def write_brainvision(path: Path) -> None:
    marks = [{"onset": 100, "duration": 1, "type": "Comment", "description": CANARIES["annotation"]}]
    pybv.write_brainvision(
        data=1e-6 * eeg(), sfreq=SFREQ, ch_names=list(NAMES), fname_base=path.stem, folder_out=path.parent, events=marks
    )
    add_comments(path)
    marker = path.with_suffix(".vmrk")
    marker.write_text(f"{marker.read_text()}; C:\\Users\\{CANARIES['path']}\\eeg\n")


def add_comments(path: Path) -> None:
    """What people write into the comment section of a BrainVision header."""
    said = "\n".join(f"{name}: {text}" for name, text in {**CANARIES, "born": BIRTH[0]}.items())
    head, _, rest = path.read_text().partition("[Comment]")
    path.write_text(f"{head}[Comment]\n{said}\n{rest}")


def write_fif(path: Path) -> None:
    c = CANARIES
    info = mne.create_info(list(NAMES), SFREQ, "eeg")
    info["subject_info"] = {
        "his_id": c["record number"], "first_name": c["first name"], "last_name": c["last name"],
        "birthday": datetime.date(1931, 7, 29),
    }  # fmt: skip
    info["experimenter"], info["description"] = c["technician"], f"{c['hospital']} {c['diagnosis']} {c['city of birth']}"
    info["device_info"] = {"type": "amplifier", "model": "m", "serial": c["equipment"], "site": c["investigator"]}
    raw = mne.io.RawArray(1e-6 * eeg(), info, verbose=False)
    raw.set_annotations(mne.Annotations([1.0, 2.0], 0.5, [c["annotation"], f"{c['path']} {c['phone']}"]))
    raw.save(path, verbose=False)


def write_gdf(path: Path) -> None:
    """GDF 1.25, in which BCI competition data come: 16-bit samples, one record a second."""
    c, n = CANARIES, len(NAMES)

    def fixed(text: str, width: int) -> bytes:
        return text.encode()[:width].ljust(width, b" ")

    def each(text: str, width: int) -> bytes:
        return fixed(text, width) * n

    head = fixed("GDF 1.25", 8)
    head += fixed(f"{c['record number']} {c['first name']} {c['last name']} {c['diagnosis']} {BIRTH[1]}", 80)
    head += fixed(f"{c['hospital']} {c['technician']} {c['investigator']} {c['path']} {c['phone']}", 80)
    head += (
        fixed("2004011910200000", 16)
        + struct.pack("<q", 256 * (n + 1))
        + fixed(c["equipment"], 8)
        + bytes(8)
        + fixed(c["technician"], 8)
    )
    head += bytes(20) + struct.pack("<q2II", SECONDS, 1, 1, n)
    head += b"".join(fixed(name, 16) for name in NAMES) + each(f"{c['equipment']} {c['city of birth']}", 80) + each("uV", 8)
    head += struct.pack(f"<{n}d", *[-400.0] * n) + struct.pack(f"<{n}d", *[400.0] * n)
    head += struct.pack(f"<{n}q", *[-32768] * n) + struct.pack(f"<{n}q", *[32767] * n)
    head += each(c["annotation"], 80) + struct.pack(f"<{n}i", *[SFREQ] * n) + struct.pack(f"<{n}i", *[3] * n) + bytes(32 * n)
    codes = np.round(eeg() / 800 * 65535 - 0.5).astype("<i2").reshape(n, SECONDS, SFREQ)
    events = b"\x01" + bytes(3) + struct.pack("<IIH", 1, 129, 769)
    path.write_bytes(head + codes.transpose(1, 0, 2).tobytes() + events)


def write_set(path: Path) -> None:
    c = CANARIES
    said = f"{c['first name']} {c['last name']} {BIRTH[3]} {c['diagnosis']}"
    place = {"labels": "", "theta": 0.0, "radius": 0.0, "X": 0.0, "Y": 0.0, "Z": 0.0, "ref": c["equipment"], "type": "EEG"}
    chanlocs = np.array([tuple({**place, "labels": name}.values()) for name in NAMES], dtype=[(key, object) for key in place])
    events = np.array([(c["annotation"], 129.0, 1.0)], dtype=[("type", object), ("latency", object), ("duration", object)])
    values = {
        "setname": c["record number"], "filename": path.name, "filepath": f"/Users/{c['path']}/eeg", "subject": c["last name"],
        "group": c["hospital"], "condition": c["city of birth"], "session": c["phone"], "comments": said,
        "history": c["investigator"], "nbchan": len(NAMES), "trials": 1, "pnts": SECONDS * SFREQ, "srate": float(SFREQ),
        "xmin": 0.0, "xmax": SECONDS - 1 / SFREQ, "data": eeg(), "chanlocs": chanlocs, "event": events, "urevent": [],
        "epoch": [], "icawinv": [], "icasphere": [], "icaweights": [], "icaact": [], "ref": "common",
        "etc": {"technician": c["technician"]}, "chaninfo": {"filename": c["path"]},
    }  # fmt: skip
    savemat(path, {"EEG": values}, appendmat=False, long_field_names=True)


WRITERS = {
    "a.edf": write_edf, "b.bdf": lambda path: write_edf(path, bdf=True), "c.vhdr": write_brainvision, "d_raw.fif": write_fif,
    "e.gdf": write_gdf, "f.set": write_set,
}  # fmt: skip


def hits(texts: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where anything about the person stands, in plain characters or in 16-bit ones."""
    wanted = [*CANARIES.values(), *BIRTH]
    found = []
    for name, content in texts:
        lower = content.lower()
        found += [f"{text} in {name}" for text in wanted if text.lower().encode() in lower or text.encode("utf-16-le") in content]
    return found


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of all files below ``folder``; tables and text arrays unpacked."""
    for path in sorted(folder.rglob("*")):
        yield f"the name {path.name}", path.name.encode()
        if path.is_file():
            yield path.name, path.read_bytes()
        if path.suffix == ".parquet":
            yield path.name, pd.read_parquet(path).to_csv().encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("hospital") / CANARIES["path"] / "data"
    root.mkdir(parents=True)
    for name, write in WRITERS.items():
        write(root / name)
    lines = [f"{name},{'ab'[k % 2]},s{k}" for k, name in enumerate(WRITERS)]
    (root / "labels.csv").write_text("\n".join(["file,label,subject", *lines]) + "\n")
    return root


def test_the_canaries_are_planted(folder):
    for name, text in CANARIES.items():
        holding = {path.suffix for path in folder.iterdir() if text.encode() in path.read_bytes()}
        assert len(holding) >= 3, (name, holding)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_nothing_about_the_person_is_written(folder, tmp_path, dtype):
    store, words = tmp_path / "store", ("--set", f"dtype={dtype}", "--pipeline", "mindmix")
    said = worked("prepare", "folder", "--root", folder, "--out", store, *words)
    assert len(Store(store).recordings) == len(WRITERS) and len(list(store.glob("views/*/*.npy"))) >= len(WRITERS)
    texts = [("what is printed", f"{said.out}{said.err}".replace(str(tmp_path), "").encode())]
    texts.append(("info", worked("store", "info", store, "--json").out.encode()))
    assert hits(iter(texts)) == []
    assert hits(everything(store)) == []


def test_nothing_about_the_person_is_exported(folder, tmp_path):
    pytest.importorskip("zarr")
    worked("prepare", "folder", "--root", folder, "--out", tmp_path / "store", "--quiet")
    worked("store", "export", tmp_path / "store", "--zarr", tmp_path / "out.zarr", "--quiet")
    worked("store", "import", "--zarr", tmp_path / "out.zarr", "--out", tmp_path / "back", "--quiet")
    assert hits(everything(tmp_path / "out.zarr")) == [] and hits(everything(tmp_path / "back")) == []


def test_nothing_about_the_person_comes_out_of_sidecars(tmp_path):
    """A BIDS data set whose tables and JSON files say what they should not."""
    data, store = tmp_path / "data", tmp_path / "store"
    worked("prepare", "synthetic", "--root", data, "--out", tmp_path / "plain", "--set", "synthetic.preset=tiny",
           "--set", "synthetic.trial_s=8", "--quiet")  # fmt: skip
    said = {name.title().replace(" ", ""): text for name, text in CANARIES.items()}
    for path in data.rglob("*.json"):
        values = json.loads(path.read_text())
        if isinstance(values, dict):
            path.write_text(json.dumps({**values, **said, "InstitutionName": CANARIES["hospital"], "BirthDate": BIRTH[0]}))
    for path in [data / "participants.tsv", *data.rglob("*_channels.tsv")]:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table.assign(**{name.lower(): text for name, text in said.items()}, born=BIRTH[2]).to_csv(path, sep="\t", index=False)
    for path in data.rglob("*.vhdr"):
        add_comments(path)
    assert len(hits(everything(data))) > 3 * len(CANARIES)
    worked("prepare", "bids", "--root", data, "--out", store, "--quiet")
    assert hits(everything(store)) == []


def test_damage_names_the_file_and_nobody(folder, tmp_path):
    """The sentence about a damaged file says where it is, never what its header says."""
    damaged = tmp_path / "data"
    damaged.mkdir()
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        if path.suffix in (".edf", ".gdf", ".fif", ".set"):
            content = content[: len(content) // 3]
            content[180:190] = b"\xff" * 10
        (damaged / path.name).write_bytes(content)
    store = tmp_path / "store"
    said = worked("prepare", "folder", "--root", damaged, "--out", store, "--set", "on_damage=skip")
    left_out = Store(store).manifest["left_out"]
    assert left_out and set(left_out) < set(WRITERS)
    assert hits(iter([("what is printed", f"{said.out}{said.err}".encode())])) == [] and hits(everything(store)) == []

"""Door 4: from the table of trials to folds."""

from mindleaf.protocols.protocol import Protocol, able_protocols
from mindleaf.protocols.split_file import read_folds, read_split_facts, write_folds
from mindleaf.protocols.stimuli import LeaveOnePairOut, LeaveOneStimulusOut
from mindleaf.protocols.subjects import CrossSession, CrossSubject, LeaveOneSubjectOut
from mindleaf.protocols.trials import BetweenTrial, WithinSubject
from mindleaf.protocols.windows import Blocked, RandomWindows

PROTOCOLS: dict[str, type[Protocol]] = {
    "within_subject": WithinSubject,
    "between_trial": BetweenTrial,
    "leave_one_stimulus_out": LeaveOneStimulusOut,
    "leave_one_pair_out": LeaveOnePairOut,
    "leave_one_subject_out": LeaveOneSubjectOut,
    "cross_subject": CrossSubject,
    "cross_session": CrossSession,
    "random_windows": RandomWindows,
    "blocked": Blocked,
}

__all__ = [
    "PROTOCOLS",
    "BetweenTrial",
    "Blocked",
    "CrossSession",
    "CrossSubject",
    "LeaveOnePairOut",
    "LeaveOneStimulusOut",
    "LeaveOneSubjectOut",
    "Protocol",
    "RandomWindows",
    "WithinSubject",
    "able_protocols",
    "read_folds",
    "read_split_facts",
    "write_folds",
]

"""Tasks in words: what is asked of a window, and what each of its labels means, in sentences a text encoder can place.

Ten ways to ask for each kind of task, and a sentence for each label: names alone ("left", "right") lie so close in a text
encoder's space that little is left to tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from mindleaf.config import Config

#: What stands for a task that is not told (instruction level 0).
UNTOLD = "Default"


@dataclass(frozen=True)
class Kind:
    """A kind of task: words by which the dataset's paradigm is recognised, ways to ask, and a sentence about a label."""

    signs: tuple[str, ...]
    phrases: tuple[str, ...]
    sentence: str


#: The first kind whose sign stands in the paradigm counts; the last one takes what is left.
KINDS: dict[str, Kind] = {
    "movement": Kind(
        ("executed movement",),
        (
            "Which movement does the person make?", "Tell the body part that is moved.", "Decode the movement.",
            "Motor execution: name the limb.", "Find what the person moves.", "Which hand or foot is moving?",
            "Read the movement from the sensorimotor rhythm.", "What does the person move right now?", "Classify the movement.",
            "Decide from mu and beta rhythms which body part moves.",
        ),
        "The person moves {}.",
    ),
    "motor": Kind(
        ("motor imagery",),
        (
            "Which movement does the person imagine?", "Tell the body part that is moved in the mind.",
            "Decode the imagined movement.", "Motor imagery: name the limb.", "Find the movement intention.",
            "Which hand, foot or tongue is being imagined?", "Read the motor command from the sensorimotor rhythm.",
            "What movement is the person rehearsing without moving?", "Classify the motor task.",
            "Decide from mu and beta rhythms which body part is meant.",
        ),
        "The person imagines moving {}.",
    ),
    "ssvep": Kind(
        ("ssvep", "flicker"),
        (
            "Which flicker does the person look at?", "Find the frequency of the attended light.",
            "Steady-state visual response: name the stimulus.", "Tell the flicker rate in the visual cortex.",
            "Which target on the screen is looked at?", "Decode the gaze target from the visual response.",
            "At what rate does the watched light blink?", "Classify the visual stimulation frequency.",
            "Read the attended frequency from occipital EEG.", "Decide which blinking light holds the gaze.",
        ),
        "The person looks at {}.",
    ),
    "workload": Kind(
        ("arithmetic", "workload"),
        (
            "Is the person calculating or resting?", "How busy is the mind?", "Estimate the mental workload.",
            "Tell mental arithmetic from rest.", "Does the person work on a mental task?",
            "Decide whether the mind is at work.", "Cognitive load: name the level.", "Is effort being made?",
            "Read the state of concentration.", "Classify the cognitive task.",
        ),
        "The person is {}.",
    ),
    "emotion": Kind(
        ("emotion", "music videos"),
        (
            "What does the person feel?", "Name the emotion.", "Decode the emotional state.",
            "Which feeling did the clip bring about?", "Read the affect from the EEG.", "How does the person feel right now?",
            "Classify the felt emotion.", "Which mood is this?", "Tell the emotional response.", "Decide which emotion is felt.",
        ),
        "The person feels {}.",
    ),
    "speech": Kind(
        ("imagined speech",),
        (
            "Which word does the person say in the mind?", "Decode the imagined word.", "Imagined speech: name the phrase.",
            "What is said silently?", "Tell the inner word.", "Which phrase is being rehearsed without a sound?",
            "Read the silent speech.", "Classify the imagined utterance.", "What would the person say?",
            "Decide which word is thought.",
        ),
        "The person says in the mind: {}.",
    ),
    "sleep": Kind(
        ("sleep",),
        (
            "Which sleep stage is this?", "Score the epoch of sleep.", "Tell the stage of sleep.", "How deep is the sleep?",
            "Is the person awake, dreaming or in deep sleep?", "Name the sleep stage.", "Read the hypnogram at this moment.",
            "Classify the sleep stage.", "Decide the stage by the usual rules.", "What is the state of sleep?",
        ),
        "The sleeper is in {}.",
    ),
    "clinical": Kind(
        ("hospital", "epilep", "attention deficit"),
        (
            "What would a doctor find in this EEG?", "Is the recording normal?", "Name the clinical finding.",
            "Read the EEG as a neurologist.", "Which diagnosis fits?", "Tell the abnormality.", "Is there a sign of disease?",
            "Classify the clinical EEG.", "Which event is marked here?", "Decide what the recording shows.",
        ),
        "The finding is {}.",
    ),
    "hearing": Kind(
        ("hearing",),
        (
            "What does the person hear?", "Which sound is playing?", "Describe the sound that is heard.",
            "Tell the sound from the auditory response.", "What reaches the ear?", "Name the sound.",
            "How fast and how high is the sound?", "Decode the perceived sound.", "Which kind of sound is this?",
            "Decide from the evoked responses what is heard.",
        ),
        "The person hears {}.",
    ),
    "attention": Kind(
        ("attention",),
        (
            "Where does the listener attend?", "Which talker is listened to?", "Tell the side of attention.",
            "Decode auditory attention.", "Which voice is followed?", "On which side is the attended talker?",
            "Find the focus of listening.", "Whom does the person listen to?", "Classify the attended direction.",
            "Decide which sound is in focus.",
        ),
        "The listener attends to {}.",
    ),
    "rhythm": Kind(
        ("brain rhythm",),
        (
            "Which brain rhythm stands out, and where?", "Name the rhythm and its place.", "What does the EEG show?",
            "Tell which rhythm has grown.", "Where on the head is the activity?", "Describe the oscillation.",
            "Find the rhythm of this window.", "How fast is the rhythm, and where is it strongest?",
            "Classify the oscillation.", "Decide which pattern of rhythms is present.",
        ),
        "The EEG shows: {}.",
    ),
    "other": Kind(
        ("",),
        (
            "What state is the person in?", "Name the class of this EEG.", "Decode the mental state.",
            "Which of the labels fits?", "Tell what the brain does.", "Classify the window.", "Read the state from the EEG.",
            "Which condition is this?", "Decide between the classes.", "What is going on?",
        ),
        "The state is {}.",
    ),
}  # fmt: skip

#: Labels in words, where the label itself is no words.
WORDS: dict[str, str] = {
    "left": "the left hand", "right": "the right hand", "left_hand": "the left hand", "right_hand": "the right hand",
    "feet": "both feet", "foot": "the foot", "tongue": "the tongue", "hands": "both hands", "fists": "both fists",
    "left_hand_right_foot": "the left hand and the right foot", "right_hand_left_foot": "the right hand and the left foot",
    "cylindrical": "the hand to grasp a cylinder", "spherical": "the hand to grasp a ball", "lumbrical": "the hand to hold a flat thing",
    "adhd": "attention deficit hyperactivity disorder", "control": "health, no disorder",
    "arithmetic": "doing mental arithmetic", "workload": "doing mental arithmetic", "rest": "resting",
    "W": "wakefulness", "N1": "light sleep, stage N1", "N2": "sleep of stage N2", "N3": "deep sleep, stage N3",
    "N4": "deep sleep, stage N4", "R": "dream sleep, REM", "REM": "dream sleep, REM",
}  # fmt: skip
#: What a label means where the kind of task gives it another meaning.
_IN_KIND: dict[tuple[str, str], str] = {
    ("ssvep", "rest"): "no light, a blank screen",
    ("motor", "rest"): "nothing at all",
    ("movement", "rest"): "nothing at all",
    ("attention", "left"): "the left side",
    ("attention", "right"): "the right side",
}


class Wording(Config):
    """A task in words: its name, the ways to ask, its classes and a text for each of them."""

    name: str
    phrases: tuple[str, ...]
    classes: tuple[str, ...]
    texts: tuple[str, ...]


def kind_of(paradigm: str) -> str:
    """The kind of task that a dataset's paradigm describes."""
    told = paradigm.casefold()
    return next(name for name, kind in KINDS.items() if any(sign in told for sign in kind.signs))


def wording(name: str, paradigm: str, classes: tuple[str, ...], texts: dict[str, str] | None = None) -> Wording:
    """The usual wording of a task; ``texts`` replaces the sentence of a label by the user's own."""
    kind = kind_of(paradigm)
    own = texts or {}
    sentences = tuple(own.get(label) or sentence(kind, label) for label in classes)
    return Wording(name=name, phrases=KINDS[kind].phrases, classes=classes, texts=sentences)


def sentence(kind: str, label: str) -> str:
    """What a label means: "13" of a flicker is "a light that flickers 13 times a second"."""
    words = _IN_KIND.get((kind, label)) or WORDS.get(label) or label.replace("_", " ")
    if kind == "ssvep" and _is_number(label):
        words = f"a light that flickers {label} times a second"
    return KINDS[kind].sentence.format(words)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()

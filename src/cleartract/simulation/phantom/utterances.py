"""Random utterances: vowel-consonant-vowel sequences and word sequences.

Symbols are those of the articulatory synthesizer (German SAMPA with a few English additions).
"""

from __future__ import annotations

import numpy as np

Segment = tuple[str, float]
"""A phone and its duration [s]; the empty phone is a pause."""

VOWELS = ("a:", "e:", "i:", "o:", "u:", "E:", "E", "6", "O", "I", "U", "9", "@")
CONSONANTS = (
    *("p", "b", "t", "d", "k", "g", "m", "n", "N", "f", "v", "s", "z", "S", "T", "D"),
    *("l", "r", "j", "h", "tS", "dZ"),
)
DURATIONS = {  # [s]
    **dict.fromkeys(("p", "b", "t", "d", "k", "g"), 0.085),
    **dict.fromkeys(("f", "T", "s", "S"), 0.11),
    **dict.fromkeys(("v", "D", "z", "Z", "j", "r", "h"), 0.075),
    **dict.fromkeys(("m", "n", "N", "l"), 0.08),
    **dict.fromkeys(("a:", "e:", "i:", "o:", "u:", "E:"), 0.15),
    **dict.fromkeys(("E", "6", "O", "I", "U", "9"), 0.10),
    **dict.fromkeys(("aI", "aU", "OY"), 0.20),
    **{"tS": 0.14, "dZ": 0.12, "@": 0.06, "": 0.15},
}
WORDS = tuple(
    tuple(word.split())
    for word in (
        *("w6 n", "t u:", "T r i:", "f O", "f aI v", "s I k s", "s E v @ n", "e: t", "n aI n"),
        *("t E n", "z i: r o:", "h aU s", "m aU s", "g aI d", "b OY", "tS OY s", "v OY s"),
        *("p i: p @ l", "t i: tS 9", "d O g", "k E: t", "S u:", "tS E: s", "dZ O b", "l e: t"),
        *("r e: n", "j E s", "m u: n", "s 6 n", "n o: z", "m aU T", "t 6 N", "l I p", "dZ O"),
        *("f I N g 9", "s I N", "s O N", "b 6 t 9", "w O t 9", "m I l k", "b r E d", "k 6 p"),
        *("g r i: n", "b l u:", "r E d", "b l E: k", "j E l o:", "s m O l", "b I g", "f E: s t"),
        *("s l o:", "h E: p i:", "s E: d", "g u: d", "n aI t", "d e: z", "m O n I N", "D I s"),
        *("D E: t", "v E r i:", "m E Z 9", "g E r a: Z", "k w I k", "S I p", "f I S", "p U S"),
        *("b U k", "k U k i:", "aI s", "aU t", "o: p @ n", "a: m", "i: t", "I n", "E v r i:"),
    )
)
_SPELLED = {"w6": ("U", "6"), "w": ("U",), "Z": ("Z",)}


def _spoken(phone: str, rng: np.random.Generator, rate: float) -> list[Segment]:
    phones = _SPELLED.get(phone, (phone,))
    spread = rate * np.exp(rng.normal(0.0, 0.12))
    return [(p, DURATIONS[p] * spread * (0.6 if p == "U" else 1.0)) for p in phones]


def vowel_consonant_vowel(rng: np.random.Generator, duration: float, rate: float) -> list[Segment]:
    """Random V-C-V sequences with pauses between them, at least `duration` [s] long.

    Args:
        rng: Source of all randomness.
        duration: Length to reach [s].
        rate: Factor on phone durations; above 1 is slower speech.
    """
    segments: list[Segment] = [("", rng.uniform(0.15, 0.6))]
    while sum(t for _, t in segments) < duration:
        vowel = str(rng.choice(VOWELS[:10]))
        for _ in range(int(rng.integers(1, 4))):
            segments += _spoken(vowel, rng, rate)
            segments += _spoken(str(rng.choice(CONSONANTS)), rng, rate)
            vowel = str(rng.choice(VOWELS)) if rng.random() < 0.5 else vowel
        segments += _spoken(vowel, rng, rate * 1.15)
        segments.append(("", rng.uniform(0.08, 0.5)))
    return segments


def word_sequence(rng: np.random.Generator, duration: float, rate: float) -> list[Segment]:
    """Random words, mostly joined as in running speech, at least `duration` [s] long.

    Args:
        rng: Source of all randomness.
        duration: Length to reach [s].
        rate: Factor on phone durations; above 1 is slower speech.
    """
    segments: list[Segment] = [("", rng.uniform(0.15, 0.6))]
    while sum(t for _, t in segments) < duration:
        for _ in range(int(rng.integers(2, 6))):
            for phone in WORDS[int(rng.integers(len(WORDS)))]:
                segments += _spoken(phone, rng, rate)
        segments.append(("", rng.uniform(0.1, 0.5)))
    return segments


def random_utterance(rng: np.random.Generator, duration: float) -> list[Segment]:
    """An utterance of at least `duration` [s], with its own speech rate and style."""
    rate = float(np.exp(rng.normal(0.08, 0.15)))
    style = vowel_consonant_vowel if rng.random() < 0.4 else word_sequence
    return style(rng, duration, rate)

"""Why two photos are copies or not, in sentences and in numbers with their limits."""

from dataclasses import dataclass

from ..proof import Evidence
from ..proof.rule import DRIFT_AT_MOST, at_least, at_most


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that speaks for or against a copy.

    number: its field in the evidence. value, limit: in the unit of that field. at_least: whether copies
    have the limit or more, else or less. form: how to write both for people.
    """

    number: str
    name: str
    value: float
    limit: float
    at_least: bool
    form: str

    @property
    def holds(self) -> bool:
        """Whether the value is on the side of copies."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def said(self) -> str:
        """The value for people, with digits enough to tell it from a limit that it breaks."""
        text = self.form.format(self.value)
        return text if self.holds or text != self.asked else self.form.replace(".", ".1").format(self.value)

    @property
    def asked(self) -> str:
        """The limit for people."""
        return self.form.format(self.limit)


# field -> what it is for people, and how it is written
_NAMES = {
    "motion_p75": ("left-over motion of 3 in 4 parts", "{:.2f} px"),
    "motion_median": ("left-over motion of half the parts", "{:.2f} px"),
    "drift": ("left-over motion of larger parts", "{:.2f} px"),
    "bent_p75": ("left-over motion beyond a smooth bend", "{:.2f} px"),
    "bent_drift": ("the same of larger parts", "{:.2f} px"),
    "trimmed_ncc": ("how well the details agree", "{:.3f}"),
    "containment": ("how much of one lies in the other", "{:.2%}"),
    "overlap_a": ("how much of A lies in B", "{:.1%}"),
    "overlap_b": ("how much of B lies in A", "{:.1%}"),
    "n_blocks": ("parts with texture enough to tell", "{:.0f}"),
    "pdq_distance": ("bits of the hashes that differ, of 256", "{:.0f}"),
    "pdq_quality": ("how much the hashes have to say", "{:.0f}"),
    "color": ("difference of the colors", "{:.1f} levels"),
}


def measures(e: Evidence) -> tuple[Measure, ...]:
    """Return the numbers that the rule looks at which decided; of a pair that is no copy, the strictest."""
    if e.how == "none":
        return ()
    rule = e.branch if e.verdict == "copy" else "motion"
    found = [_measure(e, number, limit, False) for number, limit in at_most(rule, e).items()]
    if rule == "motion" and all(each.holds for each in found) and e.branch == "moved":
        found.append(_measure(e, "drift", DRIFT_AT_MOST, False))
    return (*found, *(_measure(e, number, limit, True) for number, limit in at_least(rule, e).items()))


def _measure(e: Evidence, number: str, limit: float, at_least: bool) -> Measure:
    name, form = _NAMES[number]
    return Measure(number, name, float(getattr(e, number)), limit, at_least, form)


# rule -> the number that is told, and the sentence
_PROVEN = {
    "motion": (
        "motion_p75",
        "every part lies where it should: moved by {} after the best fit; copies leave at most {}",
    ),
    "toned": (
        "drift",
        "only light or colors changed: larger parts moved by {} after the best fit; at most {} may be left",
    ),
    "stamped": (
        "pdq_distance",
        "under what was put on top both are the same: {} of 256 bits of the hashes differ; at most {} may",
    ),
    "bent": (
        "bent_p75",
        "bent as the photo of a screen is: beyond that every part moved by {}; at most {} may be left",
    ),
    "crops": (
        "motion_p75",
        "parts of one picture that fit perfectly: moved by {} after the best fit; at most {} may be left",
    ),
    "faint": (
        "pdq_distance",
        "there is little to see, and all of it agrees: {} of 256 bits of the hashes differ; at most {} may",
    ),
}
_AGAINST = {
    "motion_p75": "parts moved by {} after the best fit; copies leave at most {}",
    "motion_median": "half of the parts moved by {} or more after the best fit; copies leave at most {}",
    "drift": "larger parts moved by {} after the best fit; copies leave at most {}",
    "trimmed_ncc": "the details agree by {}; those of copies by at least {}",
    "containment": "each shows something of its own: {} of one lies in the other; of a copy at least {}",
    "n_blocks": "there is too little to see: {} parts have texture enough; a proof takes at least {}",
    "color": "the colors differ by {} beyond one change of them all; those of copies by at most {}",
}
_FIRST = {"blank": "n_blocks", "beside": "containment", "recolored": "color"}
_NO_MAP = "nothing of one could be laid on the other, in any size, turn or mirror image"


def reason(e: Evidence) -> str:
    """Return in a sentence what proves a copy, or what speaks against one."""
    if e.how == "none":
        return _NO_MAP
    known = {each.number: each for each in measures(e)}
    if e.branch in _PROVEN:
        number, sentence = _PROVEN[e.branch]
    else:
        broken = [number for number in _AGAINST if number in known and not known[number].holds]
        number = _FIRST.get(e.branch) or next(iter(broken), "motion_p75")
        sentence = _AGAINST[number]
    return sentence.format(known[number].said, known[number].asked)

"""The other side of a preference: for each trained question an answer that the model shall no longer prefer.

Direct preference optimisation (arXiv 2305.18290) needs both. The most telling wrong answer is the one that the base
itself gives; where it gave none, what was true before a change, and else what is true of another subject.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random

from ftb_tui.benchmark.graders import DEFAULT_GRADER, GRADERS, Verdict
from ftb_tui.benchmark.model import Fact, Question

LONGEST = 400
"""Characters of a base's own answer that are worth learning against; what rambles on says nothing of the fact."""
_OPPOSITES = {"Yes": "No", "No": "Yes"}


def rejected_answers(
    pairs: Sequence[tuple[Fact, Question]], wrong: Mapping[str, str], random: Random
) -> dict[str, str]:
    """For each question's id an answer that is wrong by the default grader; a question that has none is left out.

    `wrong` are answers of the base by question id, as they were given. Equal arguments give equal answers.
    """
    by_attribute: dict[str, list[str]] = defaultdict(list)
    for fact, question in pairs:
        by_attribute[fact.attribute or question.template].append(question.answer)
    everything = sorted({question.answer for _, question in pairs})
    found = {}
    for fact, question in pairs:
        others = sorted(set(by_attribute[fact.attribute or question.template]))
        random.shuffle(others)
        # Of the same kind first: a number is no tempting answer to the question for a name.
        rest = sorted(
            random.sample(everything, len(everything)), key=lambda text: _kind(text) != _kind(question.answer)
        )
        own = wrong.get(question.question_id, "").strip()
        before = question.answer_before or ""
        if own and len(own) <= LONGEST and _verdict(question, own) is Verdict.WRONG:
            found[question.question_id] = own
        elif before and _verdict(question, before) is not Verdict.CORRECT:
            # Even where a grader would call it no answer at all: it is what is to be unlearnt.
            found[question.question_id] = before
        else:
            candidates = [_OPPOSITES.get(question.answer, ""), *others, *rest]
            others_say = (text for text in candidates if text and _verdict(question, text) is Verdict.WRONG)
            if (chosen := next(others_say, None)) is not None:
                found[question.question_id] = chosen
    return found


def _kind(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _verdict(question: Question, text: str) -> Verdict:
    return GRADERS[DEFAULT_GRADER].grade(question, text).verdict

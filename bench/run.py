"""Run cases: set the stage once, then the arms in turn, again and again."""

import gc
import sys
from collections.abc import Sequence
from typing import Any

from bench.case import Case
from bench.lab import Lab, Sample
from bench.results import Result, make


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def run(lab: Lab, case: Case[Any], real_texts: bool) -> Result:
    """Alternating, so that whatever slows the machine for a while slows everybody."""
    skipped = {arm.name: why for arm in case.arms if (why := arm.why_not(lab))}
    arms = [arm for arm in case.arms if arm.name not in skipped]
    samples: dict[str, list[Sample]] = {arm.name: [] for arm in arms}
    say(f"{case.title}: {len(arms)} arms")
    async with case.stage(lab) as stage:
        for repeat in range(lab.scale(case.repeats, 1)):
            for arm in arms:
                gc.collect()
                gc.freeze()
                gc.disable()  # a pause of the load would look like one of the server
                try:
                    sample = await arm.measure(lab, stage)
                finally:
                    gc.enable()
                    gc.unfreeze()
                samples[arm.name].append(sample)
                say(f"  {repeat + 1} {arm.label}: {brief(case, sample)}")
    return make(case.name, lab.quick, real_texts, samples=samples, skipped=skipped)


def brief(case: Case[Any], sample: Sample) -> str:
    shown = [f"{c.heading} {sample[c.key]:,.6g}" for c in case.columns if c.key in sample]
    load = f"load {sample.get('load_share', 0):.0%}"
    lost = sample.get("expected", 0.0) - sample.get("received", 0.0)
    return ", ".join([*shown, load, *([f"MISSING {lost:,.0f}"] if lost else [])])


def chosen(cases: Sequence[Case[Any]], only: str) -> list[Case[Any]]:
    """Those that are named, with commas between; all for nothing. Raises ValueError."""
    names = [name for name in map(str.strip, only.split(",")) if name]
    known = {case.name: case for case in cases}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no case {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(cases)

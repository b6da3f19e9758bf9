"""The half of a benchmark's worker that both frameworks share; standard library only.

A worker says once what it is, then times blocks of steps on command: one line of JSON
in, one line of JSON out.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO


def serve(
    about: dict,
    blocks: dict[str, Callable[[int], list[float] | None]],
    answers: TextIO | None = None,
) -> None:
    """Answers commands until standard input ends.

    Args:
        about: What to say first.
        blocks: By name, a function that runs a number of steps and waits for the last
            of them. A command is `{"block": name, "steps": n}`, its answer
            `{"seconds": s, "cpu_seconds": c}`, the second summed over all threads.
            Where the function returns each step's seconds, the answer has them too.
        answers: Where to; else standard output, and what a framework prints goes to
            standard error from then on.
    """
    if answers is None:
        answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        run = blocks[command["block"]]
        start, cpu_start = time.perf_counter(), time.process_time()
        each = run(command["steps"])
        answer = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - cpu_start,
        }
        if each is not None:
            answer["each"] = each
        print(json.dumps(answer), file=answers, flush=True)

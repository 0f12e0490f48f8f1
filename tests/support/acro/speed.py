"""Times ACRO's crosstab, with its checks, over the benchmarks' made rows, and prints the seconds as JSON.

The rows are those of `sluice_benches::write_rows`, draw by draw, so that Sluice can run over the very same ones;
`check` in the output says what they add up to. What is timed is ACRO alone, on a frame that is in memory already:
no file is read, nothing is logged, nothing is suppressed, and rows aren't collapsed to subjects (`collapse_seconds`
is what that would cost in pandas, once, beside it).

    python speed.py [--rows 1000000] [--subjects 100000] [--rounds 5] [--write rows.csv]
"""

import argparse
import json
import logging
import platform
import time
import warnings

import acro
import pandas as pd
from acro.version import __version__ as acro_version

# As in benches/src/lib.rs.
SEED = 0x9E3779B97F4A7C15
CODES = (30, 20)
MASK = 0xFFFFFFFFFFFFFFFF


def made(rows, subjects):
    """The made rows: id, a, b, v, w, by the same xorshift as in Rust."""
    draw = SEED
    ends = (subjects, CODES[0], CODES[1], 1_000, 100)
    columns = ([], [], [], [], [])
    for _ in range(rows):
        for column, end in zip(columns, ends):
            draw ^= (draw << 13) & MASK
            draw ^= draw >> 7
            draw ^= (draw << 17) & MASK
            column.append(draw % end)
    ids, a, b, v, w = columns
    return pd.DataFrame({"id": ids, "a": a, "b": b, "v": v, "w": w})


def named(frame):
    """The codes as texts, as they are in the file that Rust writes."""
    frame = frame.copy()
    for column, prefix, width in (("id", "s", 8), ("a", "a", 2), ("b", "b", 2)):
        names = {code: f"{prefix}{code:0{width}}" for code in frame[column].unique()}
        frame[column] = frame[column].map(names)
    return frame


def timed(rounds, call):
    """The seconds of each round; one before them isn't counted."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def crosstab(frame, aggfunc):
    """One crosstab with its checks in a session of its own, as the text of what it found."""
    session = acro.ACRO()
    values = None if aggfunc is None else frame["v"]
    session.crosstab(frame["a"], frame["b"], values=values, aggfunc=aggfunc)
    (record,) = session.results.results.values()
    return record


def main():
    """Makes the rows, times each kind of crosstab, prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    texts = named(made(args.rows, args.subjects))
    if args.write:
        texts.to_csv(args.write, index=False)
    # Categories are the fastest that pandas can group by: the comparison is with ACRO at its best.
    coded = texts.astype({"a": "category", "b": "category"})
    kinds = {"count": None, "sum": "sum", "count_and_sum": ["count", "sum"]}
    seconds, cells = {}, {}
    for dtype, frame in (("texts", texts), ("categories", coded)):
        for kind, aggfunc in kinds.items():
            seconds[f"{kind}_{dtype}"] = timed(args.rounds, lambda: crosstab(frame, aggfunc))
            cells[f"{kind}_{dtype}"] = int(crosstab(frame, aggfunc).outcome.size)
    collapse = timed(1, lambda: coded.groupby(["a", "b", "id"], observed=True)["v"].sum())
    print(
        json.dumps(
            {
                "acro": acro_version,
                "python": platform.python_version(),
                "pandas": pd.__version__,
                "rows": args.rows,
                "check": {"v": int(texts["v"].sum()), "w": int(texts["w"].sum()), "last": [str(x) for x in texts.iloc[-1]]},
                "cells": cells,
                "best_seconds": {kind: min(taken) for kind, taken in seconds.items()},
                "all_seconds": seconds,
                "collapse_seconds": min(collapse),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

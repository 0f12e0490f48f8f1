"""What ACRO masks: reads cases from a JSON file, runs each through ACRO's crosstab, prints the answers as JSON.

A case names a CSV file of contributions (one row for each unit and cell), the columns that are dimensions, the column
that is summed (none: units are counted), the appetite, and whether ACRO is also to suppress. An answer lists every
cell of ACRO's table, empty ones included: its codes, the checks that it failed by ACRO's own names, its value before
suppression, and whether ACRO's suppressed table withholds it (null where that wasn't asked). Beside the answers stands
the appetite that ACRO has by default.

    python masks.py cases.json
"""

import functools
import json
import logging
import sys
import warnings

import acro
import pandas as pd

# ACRO's names of what an appetite says, and by what ours is divided: its shares aren't in percent.
APPETITE = {
    "threshold": ("safe_threshold", None),
    "n": ("safe_nk_n", None),
    "k_percent": ("safe_nk_k", 100),
    "p_percent": ("safe_pratio_p", 100),
}


def session(appetite, suppress):
    """A session under this appetite; zeros are disclosive, as they are by ACRO's default."""
    made = acro.ACRO(suppress=suppress)
    # The checks read the session's configuration itself; if a version copies it, the appetite would be ignored.
    assert made.sdc_checks.risk_appetite is made.config
    assert made.config["zeros_are_disclosive"] is True
    for ours, (theirs, divisor) in APPETITE.items():
        assert theirs in made.config
        made.config[theirs] = appetite[ours] / divisor if divisor else appetite[ours]
    return made


def defaults():
    """The appetite of a session that nobody set."""
    config = acro.ACRO().config
    shares = {ours: config[theirs] * (divisor or 1) for ours, (theirs, divisor) in APPETITE.items()}
    return {ours: round(share) for ours, share in shares.items()}


def crosstab(case, frame, suppress):
    """ACRO's table, and its record of it."""
    made = session(case["appetite"], suppress)
    rows = [frame[name] for name in case["dimensions"][:-1]]
    columns = [frame[case["dimensions"][-1]]]
    measure = case["measure"]
    summed = {} if measure is None else {"values": frame[measure], "aggfunc": "sum"}
    table = made.crosstab(rows, columns, **summed)
    (record,) = made.results.results.values()
    return table, record.outcome


@functools.cache
def read(file, dimensions):
    """A file's contributions; codes are texts, whatever they look like."""
    return pd.read_csv(file, dtype=dict.fromkeys(dimensions, str), keep_default_na=False)


def answer(case):
    """Every cell of a case."""
    frame = read(case["file"], tuple(case["dimensions"]))
    table, outcome = crosstab(case, frame, suppress=False)
    assert table.shape == outcome.shape
    suppressed = None
    if case["suppress"]:
        suppressed, again = crosstab(case, frame, suppress=True)
        assert again.equals(outcome)
        suppressed = suppressed.reindex(index=table.index, columns=table.columns).isna().to_numpy()
    values, outcome = table.fillna(0).to_numpy(), outcome.to_numpy()
    cells = []
    for row, index in enumerate(table.index):
        for column, last in enumerate(table.columns):
            first = list(index) if isinstance(index, tuple) else [index]
            failed = [name.strip() for name in outcome[row, column].split(";") if name.strip()]
            cells.append(
                {
                    "codes": [str(code) for code in [*first, last]],
                    "value": int(values[row, column]),
                    "failed": [] if failed == ["ok"] else failed,
                    "suppressed": None if suppressed is None else bool(suppressed[row, column]),
                }
            )
    return cells


def main():
    """Answers the cases of the file that is named."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    json.dump({"defaults": defaults(), "answers": [answer(case) for case in cases]}, sys.stdout)


if __name__ == "__main__":
    main()

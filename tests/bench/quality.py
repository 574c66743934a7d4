"""The quality case of tools/bench: our matches beside those of others, as docs/QUALITY.md."""
import datetime
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEAD = HERE / "quality.md"
DOCS = HERE.parent.parent / "docs"
TABLE = DOCS / "QUALITY.md"
SECONDS = {"quick": 600, "full": 1800}  # of the whole run


def grid(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def judge(rows):
    """One check a mode: ours, the first, against the best of the others."""
    checks = []
    for row in rows:
        ours, *others = row["fields"]
        best = max(others, key=lambda one: one["score"])
        checks.append({"name": f"{row['workload']} {row['mode']}", "ours": ours["score"],
                       "best": best["score"], "who": best["name"],
                       "holds": ours["score"] >= best["score"]})
    return checks


def summary(rows, checks):
    names = list(dict.fromkeys(one["name"] for row in rows for one in row["fields"]))
    table = []
    for row, check in zip(rows, checks):
        scores = {one["name"]: f"{one['score']:.1f}" for one in row["fields"]}
        scores["muster"] = f"**{scores['muster']}**" if check["holds"] else scores["muster"]
        table.append((row["workload"], row["mode"], *(scores.get(name, "-") for name in names),
                      f"{check['ours'] - check['best']:+.1f} to {check['who']}"))
    yield from grid(("workload", "mode", *names, "ahead by"), table)


def details(row):
    yield ""
    yield f"### {row['workload']}, {row['mode']}, {row['players']:,} players"
    yield ""
    yield from grid(("matcher", "score", "matched %", "wait s", "p95", "top 5 %", "uneven",
                     "spread", "round trip ms", "setting"),
                    [(one["name"], f"{one['score']:.2f}", f"{one['matched_pct']:.1f}",
                      f"{one['wait_mean']:.0f}", f"{one['wait_p95']:.0f}",
                      f"{one['top5_wait']:.0f}", f"{one['imbalance']:.3f}",
                      f"{one['spread']:.0f}", f"{one['rtt']:.0f}", one["setting"])
                     for one in row["fields"]])


def write(rows, checks, commit):
    head = HEAD.read_text().replace("{scores}", "\n".join(summary(rows, checks)))
    text = [head.rstrip("\n"), "",
            "## How long, how good", "",
            "Each dot is one setting of one matcher: how long players wait (with those who gave "
            "up), and how",
            "good their matches are (fairness, spread, latency and fill, without the wait)."]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        text += ["", f"![Mean wait against quality, {workload}](quality-{workload}.svg)"]
    text += ["", "## In detail", "",
             f"{datetime.date.today().isoformat()}, commit {commit}.  Of each other matcher, the "
             "setting that is its best for that",
             "very mode; of Muster, the defaults."]
    for row in rows:
        text += details(row)
    TABLE.write_text("\n".join(text) + "\n")


def main(program, workloads, mode, commit):
    """Plays the workloads, writes the document and its plots.  Returns the exit code."""
    argv = [str(program), "--plots", str(DOCS)] + (["--quick"] if mode == "quick" else [])
    try:
        child = subprocess.run(argv + workloads, stdout=subprocess.PIPE, text=True, check=False,
                               timeout=SECONDS[mode])
    except subprocess.TimeoutExpired:
        print(f"bench: quality takes more than {SECONDS[mode]} s", file=sys.stderr)
        return 1
    lines = child.stdout.splitlines()
    rows = [json.loads(line[5:]) for line in lines if line.startswith("case {")]
    print("\n".join(line for line in lines if not line.startswith("case {")))
    if not rows:
        print("bench: quality: it said nothing", file=sys.stderr)
        return 1
    checks = judge(rows)
    for one in checks:
        print(f"{one['name']}: {one['ours']:.2f}; the best of the others, {one['who']}: "
              f"{one['best']:.2f}: {'at or above' if one['holds'] else 'BELOW'}")
    write(rows, checks, commit)
    failed = sum(not one["holds"] for one in checks)
    print(f"{failed} of {len(checks)} gates failed; docs/{TABLE.name}")
    return 1 if failed or child.returncode else 0
